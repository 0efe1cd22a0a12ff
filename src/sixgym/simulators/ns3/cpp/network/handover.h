// Serving cells and handovers: on request or by event A3, always over X2.
#ifndef SIXGYM_HANDOVER_H
#define SIXGYM_HANDOVER_H

#include "network/network.h"

#include "ns3/object-map.h"

namespace sixgym
{

/// The last handover attempt of a device.
struct Attempt
{
    std::string state = "IDLE";
    int target = -1; // cell, or none
    ns3::Time began;
    ns3::Time ended;

    double DurationMs() const
    {
        const bool running = state == "PREPARATION" || state == "EXECUTION";
        return ((running ? ns3::Simulator::Now() : ended) - began).GetSeconds() * 1e3;
    }
};

/// Where a device is attached; rnti 0 while it has no radio connection.
struct Attachment
{
    std::size_t cell = 0;
    uint16_t rnti = 0;
};

class Handovers
{
  public:
    Handovers(Network& network, const std::vector<std::size_t>& initial_cells)
        : network_(network)
    {
        for (const std::size_t cell : initial_cells)
        {
            attachments.push_back({cell, 0});
        }
        attempts.resize(initial_cells.size());
        for (std::size_t cell = 0; cell < network.cells.size(); ++cell)
        {
            Watch(cell);
        }
    }

    /// Called when a user got a data bearer in a cell, with that bearer's RLC entity.
    std::function<void(std::size_t device, ns3::Ptr<ns3::LteRlc>)> on_bearer;

    /// Called when a device is connected to a cell, at first or after a handover.
    std::function<void(std::size_t device)> on_attached;

    /// Asks the serving cell for a handover. One that cannot be started has failed.
    void Request(std::size_t device, std::size_t target)
    {
        const Attachment& at = attachments[device];
        Begin(device, static_cast<int>(target));
        ns3::Ptr<ns3::LteEnbRrc> rrc = network_.cells[at.cell].device->GetRrc();
        // a request in any other state is fatal in ns-3
        if (at.cell == target || at.rnti == 0 || !rrc->HasUeManager(at.rnti) ||
            rrc->GetUeManager(at.rnti)->GetState() != ns3::UeManager::CONNECTED_NORMALLY)
        {
            End(device, "FAILED");
            return;
        }
        rrc->SendHandoverRequest(at.rnti, network_.cells[target].device->GetCellId());
    }

    /// Lets a cell refuse every handover towards it (X2 handover preparation failure).
    void SetRefusing(std::size_t cell, bool refusing)
    {
        network_.cells[cell].device->GetRrc()->SetAttribute("AdmitHandoverRequest",
                                                            ns3::BooleanValue(!refusing));
    }

    std::vector<Attachment> attachments; // by device
    std::vector<Attempt> attempts;       // by device

  private:
    /// Stands between a cell's A3 algorithm and its RRC, to see what the algorithm asks for.
    class Observer : public ns3::LteHandoverManagementSapUser
    {
      public:
        Observer(Handovers* owner, std::size_t cell, ns3::LteHandoverManagementSapUser* rrc)
            : owner_(owner),
              cell_(cell),
              rrc_(rrc)
        {
        }

        std::vector<uint8_t> AddUeMeasReportConfigForHandover(
            ns3::LteRrcSap::ReportConfigEutra config) override
        {
            return rrc_->AddUeMeasReportConfigForHandover(config);
        }

        void TriggerHandover(uint16_t rnti, uint16_t target) override
        {
            owner_->Triggered(cell_, rnti, target);
            rrc_->TriggerHandover(rnti, target);
        }

      private:
        Handovers* owner_;
        std::size_t cell_;
        ns3::LteHandoverManagementSapUser* rrc_;
    };

    void Watch(std::size_t cell)
    {
        using namespace ns3;
        Ptr<LteEnbNetDevice> device = network_.cells[cell].device;
        Ptr<LteEnbRrc> rrc = device->GetRrc();
        const auto connect = [&](const char* trace, auto method) {
            rrc->TraceConnectWithoutContext(trace, MakeCallback(method, this));
        };
        connect("NewUeContext", &Handovers::NewContext);
        connect("ConnectionEstablished", &Handovers::Connected);
        connect("HandoverStart", &Handovers::Started);
        connect("HandoverEndOk", &Handovers::Completed);
        connect("HandoverFailureMaxRach", &Handovers::Failed);
        connect("HandoverFailureLeaving", &Handovers::Failed);
        connect("HandoverFailureJoining", &Handovers::Failed);
        PointerValue algorithm;
        device->GetAttribute("LteHandoverAlgorithm", algorithm);
        observers_.push_back(
            std::make_unique<Observer>(this, cell, rrc->GetLteHandoverManagementSapUser()));
        algorithm.Get<LteHandoverAlgorithm>()->SetLteHandoverManagementSapUser(
            observers_.back().get());
    }

    std::size_t CellIndex(uint16_t cell_id) const
    {
        for (std::size_t cell = 0; cell < network_.cells.size(); ++cell)
        {
            if (network_.cells[cell].device->GetCellId() == cell_id)
            {
                return cell;
            }
        }
        NS_FATAL_ERROR("unknown cell id " << cell_id);
    }

    void Begin(std::size_t device, int target)
    {
        const ns3::Time now = ns3::Simulator::Now();
        attempts[device] = {"PREPARATION", target, now, now};
    }

    void End(std::size_t device, const char* state)
    {
        attempts[device].state = state;
        attempts[device].ended = ns3::Simulator::Now();
    }

    void NewContext(uint16_t cell_id, uint16_t rnti)
    {
        auto user = network_.cells[CellIndex(cell_id)].device->GetRrc()->GetUeManager(rnti);
        user->TraceConnectWithoutContext("StateTransition",
                                         ns3::MakeCallback(&Handovers::StateChanged, this));
        user->TraceConnectWithoutContext("DrbCreated",
                                         ns3::MakeCallback(&Handovers::BearerCreated, this));
    }

    void BearerCreated(uint64_t imsi, uint16_t cell_id, uint16_t rnti, uint8_t channel)
    {
        using namespace ns3;
        ObjectMapValue bearers;
        network_.cells[CellIndex(cell_id)].device->GetRrc()->GetUeManager(rnti)->GetAttribute(
            "DataRadioBearerMap",
            bearers);
        for (auto item = bearers.Begin(); item != bearers.End(); ++item)
        {
            auto bearer = DynamicCast<LteDataRadioBearerInfo>(item->second);
            if (bearer->m_logicalChannelIdentity == channel && on_bearer)
            {
                on_bearer(imsi - 1, bearer->m_rlc);
            }
        }
    }

    void StateChanged(uint64_t imsi,
                      uint16_t,
                      uint16_t,
                      ns3::UeManager::State from,
                      ns3::UeManager::State to)
    {
        if (from == ns3::UeManager::HANDOVER_PREPARATION &&
            to == ns3::UeManager::CONNECTED_NORMALLY)
        {
            End(imsi - 1, "FAILED"); // the target refused
        }
    }

    void Connected(uint64_t imsi, uint16_t cell_id, uint16_t rnti)
    {
        Attach(imsi - 1, cell_id, rnti);
    }

    void Attach(std::size_t device, uint16_t cell_id, uint16_t rnti)
    {
        attachments[device] = {CellIndex(cell_id), rnti};
        if (on_attached)
        {
            on_attached(device);
        }
    }

    void Triggered(std::size_t cell, uint16_t rnti, uint16_t target_id)
    {
        ns3::Ptr<ns3::LteEnbRrc> rrc = network_.cells[cell].device->GetRrc();
        // the RRC ignores a trigger in any other state
        if (rrc->GetUeManager(rnti)->GetState() == ns3::UeManager::CONNECTED_NORMALLY)
        {
            Begin(rrc->GetUeManager(rnti)->GetImsi() - 1, static_cast<int>(CellIndex(target_id)));
        }
    }

    void Started(uint64_t imsi, uint16_t, uint16_t, uint16_t)
    {
        attempts[imsi - 1].state = "EXECUTION";
    }

    void Completed(uint64_t imsi, uint16_t cell_id, uint16_t rnti)
    {
        Attach(imsi - 1, cell_id, rnti);
        attempts[imsi - 1].target = static_cast<int>(CellIndex(cell_id));
        End(imsi - 1, "COMPLETE");
    }

    void Failed(uint64_t imsi, uint16_t, uint16_t)
    {
        End(imsi - 1, "FAILED");
    }

    Network& network_;
    std::vector<std::unique_ptr<Observer>> observers_;
};

} // namespace sixgym

#endif
