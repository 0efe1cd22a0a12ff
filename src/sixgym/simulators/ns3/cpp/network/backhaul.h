// The link between a cell and the core. Its delay and loss may change while packets are on it.
#ifndef SIXGYM_BACKHAUL_H
#define SIXGYM_BACKHAUL_H

#include "network/network.h"

#include "ns3/error-model.h"

namespace sixgym
{

/// A FIFO link: after the delay fell, no packet arrives before one that was sent earlier.
class Backhaul
{
  public:
    Backhaul(const CellNode& cell, double delay_ms, ns3::DataRate rate, int64_t first_stream)
        : channel_(cell.backhaul[0]->GetChannel()),
          rate_(rate),
          delay_ms_(delay_ms)
    {
        for (std::size_t end = 0; end < 2; ++end)
        {
            errors_[end]->SetUnit(ns3::RateErrorModel::ERROR_UNIT_PACKET);
            errors_[end]->SetRate(0);
            errors_[end]->AssignStreams(first_stream + static_cast<int64_t>(end));
            cell.backhaul[end]->SetReceiveErrorModel(errors_[end]);
            cell.backhaul[end]->TraceConnectWithoutContext(
                "PhyTxBegin",
                ns3::MakeCallback(&Backhaul::Transmit, this).Bind(end));
        }
    }

    /// One-way delay and loss, both directions.
    void Set(double delay_ms, double loss_ratio)
    {
        delay_ms_ = delay_ms;
        loss_ratio_ = loss_ratio;
        for (const auto& model : errors_)
        {
            model->SetRate(loss_ratio);
        }
        SetChannelDelay(Delay());
    }

    double DelayMs() const
    {
        return delay_ms_;
    }

    double LossRatio() const
    {
        return loss_ratio_;
    }

  private:
    ns3::Time Delay() const
    {
        return ns3::Seconds(delay_ms_ * 1e-3);
    }

    void SetChannelDelay(ns3::Time delay)
    {
        channel_->SetAttribute("Delay", ns3::TimeValue(delay));
        channel_delay_ = delay;
    }

    /// Called just before the channel takes a packet with its present delay.
    void Transmit(std::size_t end, ns3::Ptr<const ns3::Packet> packet)
    {
        const ns3::Time sent =
            ns3::Simulator::Now() + rate_.CalculateBytesTxTime(packet->GetSize());
        const ns3::Time delay = std::max(Delay(), last_arrival_[end] - sent);
        if (delay != channel_delay_)
        {
            SetChannelDelay(delay);
        }
        last_arrival_[end] = sent + delay;
    }

    ns3::Ptr<ns3::Channel> channel_;
    ns3::DataRate rate_;
    double delay_ms_;
    double loss_ratio_ = 0;
    ns3::Time channel_delay_ = ns3::Seconds(-1);
    std::array<ns3::Time, 2> last_arrival_{};
    std::array<ns3::Ptr<ns3::RateErrorModel>, 2> errors_{
        ns3::CreateObject<ns3::RateErrorModel>(),
        ns3::CreateObject<ns3::RateErrorModel>()};
};

} // namespace sixgym

#endif
