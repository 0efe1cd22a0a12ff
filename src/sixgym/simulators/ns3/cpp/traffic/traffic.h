// Downlink traffic: a source at the server for every device, and the payload header they share.
#ifndef SIXGYM_TRAFFIC_H
#define SIXGYM_TRAFFIC_H

#include "config/config.h"

#include "ns3/packet.h"
#include "ns3/random-variable-stream.h"
#include "ns3/simulator.h"

#include <cstring>
#include <functional>
#include <vector>

namespace sixgym
{

/// First bytes of every application payload.
struct PayloadHeader
{
    enum Kind : uint32_t
    {
        TRAFFIC = 1,
        TASK = 2,
    };

    uint32_t kind = TRAFFIC;
    uint32_t device = 0;
    uint32_t number = 0; // sequence number of a packet, or of a task
    float work = 0;      // megacycles of a task

    /// A packet of `bytes` with this header. The smallest payload of a scenario is 20 bytes.
    ns3::Ptr<ns3::Packet> Pack(int bytes) const
    {
        uint8_t payload[1500] = {};
        std::memcpy(payload, this, sizeof *this);
        return ns3::Create<ns3::Packet>(payload, static_cast<uint32_t>(bytes));
    }

    /// The header behind `skip` bytes of lower layers; kind 0 if the packet is too short.
    static PayloadHeader Unpack(const ns3::Packet& packet, std::size_t skip = 0)
    {
        PayloadHeader header;
        header.kind = 0;
        uint8_t bytes[128];
        if (packet.CopyData(bytes, static_cast<uint32_t>(skip + sizeof header)) == skip + sizeof header)
        {
            std::memcpy(&header, bytes + skip, sizeof header);
        }
        return header;
    }
};

/// Emits packets for one device. Its random numbers depend on the device and the seed alone.
class Source
{
  public:
    static constexpr int64_t STREAMS = 3;

    Source(const TrafficConfig& traffic, int64_t first_stream, std::function<void()> emit)
        : traffic_(traffic),
          emit_(std::move(emit))
    {
        on_->SetStream(first_stream);
        off_->SetStream(first_stream + 1);
        phase_->SetStream(first_stream + 2);
    }

    ~Source()
    {
        next_.Cancel();
        toggle_.Cancel();
    }

    /// Begins in the stationary state: on with the share of on periods, at a random phase.
    void Start()
    {
        remaining_ = phase_->GetValue(0, 1);
        on_now_ = true;
        if (traffic_.model == TrafficConfig::Model::ON_OFF)
        {
            const double share = traffic_.mean_on_s / (traffic_.mean_on_s + traffic_.mean_off_s);
            on_now_ = phase_->GetValue(0, 1) < share;
            ScheduleToggle();
        }
        since_ = ns3::Simulator::Now();
        Schedule();
    }

    /// Load relative to normal; 0 stops it. The packet under way keeps its progress.
    void SetFactor(double factor)
    {
        Progress();
        factor_ = factor;
        Schedule();
    }

  private:
    void ScheduleToggle()
    {
        const double length_s = on_now_ ? on_->GetValue(traffic_.mean_on_s, 0)
                                        : off_->GetValue(traffic_.mean_off_s, 0);
        toggle_ = ns3::Simulator::Schedule(ns3::Seconds(length_s), &Source::Toggle, this);
    }

    void Toggle()
    {
        Progress();
        on_now_ = !on_now_;
        Schedule();
        ScheduleToggle();
    }

    double Rate() const
    {
        return on_now_ ? factor_ / traffic_.gap_s : 0;
    }

    /// Deducts from the remaining share of a packet gap what has passed at the current rate.
    void Progress()
    {
        const ns3::Time now = ns3::Simulator::Now();
        remaining_ = std::max(0.0, remaining_ - (now - since_).GetSeconds() * Rate());
        since_ = now;
    }

    void Schedule()
    {
        next_.Cancel();
        if (Rate() > 0)
        {
            next_ = ns3::Simulator::Schedule(ns3::Seconds(remaining_ / Rate()), &Source::Emit, this);
        }
    }

    void Emit()
    {
        remaining_ = 1;
        since_ = ns3::Simulator::Now();
        Schedule();
        emit_();
    }

    TrafficConfig traffic_;
    std::function<void()> emit_;
    double factor_ = 1;
    bool on_now_ = false;
    double remaining_ = 1; // share of the gap before the next packet
    ns3::Time since_;
    ns3::EventId next_;
    ns3::EventId toggle_;
    ns3::Ptr<ns3::ExponentialRandomVariable> on_ =
        ns3::CreateObject<ns3::ExponentialRandomVariable>();
    ns3::Ptr<ns3::ExponentialRandomVariable> off_ =
        ns3::CreateObject<ns3::ExponentialRandomVariable>();
    ns3::Ptr<ns3::UniformRandomVariable> phase_ = ns3::CreateObject<ns3::UniformRandomVariable>();
};

} // namespace sixgym

#endif
