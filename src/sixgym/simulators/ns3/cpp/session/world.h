// A running network: its parts, its clock, and the changes that it takes.
#ifndef SIXGYM_WORLD_H
#define SIXGYM_WORLD_H

#include "network/faults.h"
#include "traffic/applications.h"

namespace sixgym
{

/// Measurements of a device's PHY.
struct RadioReport
{
    std::map<uint16_t, double> rsrp_dbm; // by ns-3 cell id
    double sinr_db_sum = 0;
    int64_t sinr_count = 0;
};

/// Network time is ns-3's clock less the warm-up. Between two intervals the clock stands one
/// nanosecond before the next millisecond, so that intervals are half-open: what happens at a
/// boundary belongs to the interval that it begins.
class World
{
  public:
    World(Config config, std::shared_ptr<const FadingTable> fading)
        : config_(std::move(config)),
          network_(config_, std::move(fading)),
          handovers_(network_, StrongestCells()),
          slice_of_group_(InitialSlices()),
          applications_(config_, network_, slice_of_group_),
          faults_(config_, network_, handovers_),
          radio_(config_.devices.size())
    {
        Connect();
        for (std::size_t cell = 0; cell < network_.cells.size(); ++cell)
        {
            network_.cells[cell].scheduler->SetSliceOf(
                [this, cell](uint16_t rnti) { return SliceOfUser(cell, rnti); });
        }
        std::vector<Policy> policies;
        for (const SliceConfig& slice : config_.slices)
        {
            policies.push_back(slice.policy);
        }
        SetPolicies(policies);
        for (std::size_t device = 0; device < config_.devices.size(); ++device)
        {
            network_.Attach(device, handovers_.attachments[device].cell);
        }
        for (const Fault& fault : config_.faults)
        {
            faults_.Schedule(fault);
        }
        ns3::Simulator::Schedule(ns3::MilliSeconds(TRAFFIC_STARTS_MS),
                                 &Applications::Start,
                                 &applications_);
        PlanRoutes();
        now_ms_ = -config_.warm_up_ms;
    }

    /// Runs up to a network time.
    void RunUntil(int64_t end_ms)
    {
        const ns3::Time end =
            ns3::MilliSeconds(config_.warm_up_ms + end_ms) - ns3::NanoSeconds(1);
        ns3::Simulator::Stop(end - ns3::Simulator::Now());
        ns3::Simulator::Run();
        now_ms_ = end_ms;
    }

    void SetPolicies(const std::vector<Policy>& policies)
    {
        for (const CellNode& cell : network_.cells)
        {
            cell.scheduler->SetPolicies(policies);
        }
    }

    void Move(std::size_t group, std::size_t slice)
    {
        slice_of_group_[group] = slice;
        for (std::size_t device = 0; device < config_.devices.size(); ++device)
        {
            if (config_.devices[device].group == group)
            {
                EnterSlice(device);
            }
        }
    }

    void Fly(std::size_t device, const std::vector<Point>& waypoints, double speed_mps)
    {
        network_.devices[device].place->Fly(waypoints, speed_mps);
    }

    void Inject(const Fault& fault)
    {
        if (fault.start_ms < now_ms_)
        {
            throw Refused("the fault would start in the past");
        }
        faults_.Schedule(fault);
    }

    /// Adds a transmitter that a later fault may use.
    void AddEmitter(const Emitter& emitter)
    {
        for (const Emitter& known : config_.emitters)
        {
            if (known.id == emitter.id)
            {
                return; // the same place has the same field
            }
        }
        config_.emitters.push_back(emitter);
    }

    const Config& Settings() const
    {
        return config_;
    }

    int64_t NowMs() const
    {
        return now_ms_;
    }

    Applications& Apps()
    {
        return applications_;
    }

    Handovers& Mobility()
    {
        return handovers_;
    }

    Faults& Disturbances()
    {
        return faults_;
    }

    Network& Nodes()
    {
        return network_;
    }

    RadioReport& Radio(std::size_t device)
    {
        return radio_[device];
    }

    std::size_t SliceOf(std::size_t device) const
    {
        return slice_of_group_[config_.devices[device].group];
    }

  private:
    /// Time by which every device is connected: random access takes six TTIs a batch.
    static constexpr int64_t TRAFFIC_STARTS_MS = 250;

    std::vector<std::size_t> StrongestCells() const
    {
        std::vector<std::size_t> strongest;
        for (const DeviceConfig& device : config_.devices)
        {
            std::size_t best = 0;
            double best_dbm = -1e9;
            for (std::size_t cell = 0; cell < config_.cells.size(); ++cell)
            {
                const Emitter& emitter = config_.emitters[config_.cells[cell].emitter];
                const double dbm = config_.cells[cell].power_dbm +
                                   PathGainDb(emitter, device.position, config_.environment);
                if (dbm > best_dbm)
                {
                    best_dbm = dbm;
                    best = cell;
                }
            }
            strongest.push_back(best);
        }
        return strongest;
    }

    std::vector<std::size_t> InitialSlices() const
    {
        std::vector<std::size_t> slices;
        for (const GroupConfig& group : config_.groups)
        {
            slices.push_back(group.slice);
        }
        return slices;
    }

    void Connect()
    {
        handovers_.on_bearer = [this](std::size_t device, ns3::Ptr<ns3::LteRlc> rlc) {
            applications_.WatchDrops(device, rlc);
        };
        handovers_.on_attached = [this](std::size_t device) { EnterSlice(device); };
        faults_.on_traffic = [this](std::size_t group, double factor) {
            applications_.SetSurge(group, factor);
        };
        faults_.on_background = [this](std::size_t node, double load) {
            applications_.SetBackground(node, load);
        };
        for (std::size_t device = 0; device < network_.devices.size(); ++device)
        {
            auto phy = network_.devices[device].device->GetPhy();
            phy->TraceConnectWithoutContext(
                "ReportUeMeasurements",
                ns3::MakeCallback(&World::MeasuredCell, this).Bind(device));
            phy->TraceConnectWithoutContext(
                "ReportCurrentCellRsrpSinr",
                ns3::MakeCallback(&World::MeasuredSinr, this).Bind(device));
        }
    }

    /// UAVs begin their routes at network time 0.
    void PlanRoutes()
    {
        const double start_ns = static_cast<double>(config_.warm_up_ms) * 1e6;
        for (std::size_t device = 0; device < config_.devices.size(); ++device)
        {
            const DeviceConfig& config = config_.devices[device];
            if (!config.route.empty())
            {
                network_.devices[device].place->Fly(config.route, config.speed_mps, start_ns);
            }
        }
    }

    void EnterSlice(std::size_t device)
    {
        const Attachment& at = handovers_.attachments[device];
        network_.cells[at.cell].scheduler->Move(at.rnti, static_cast<int>(SliceOf(device)));
    }

    int SliceOfUser(std::size_t cell, uint16_t rnti)
    {
        auto rrc = network_.cells[cell].device->GetRrc();
        const uint64_t imsi = rrc->HasUeManager(rnti) ? rrc->GetUeManager(rnti)->GetImsi() : 0;
        return imsi == 0 ? User::UNKNOWN : static_cast<int>(SliceOf(imsi - 1));
    }

    void MeasuredCell(std::size_t device,
                      uint16_t,
                      uint16_t cell_id,
                      double rsrp_dbm,
                      double,
                      bool,
                      uint8_t)
    {
        radio_[device].rsrp_dbm[cell_id] = rsrp_dbm;
    }

    void MeasuredSinr(std::size_t device, uint16_t, uint16_t, double, double sinr, uint8_t)
    {
        radio_[device].sinr_db_sum += 10 * std::log10(std::max(sinr, 1e-5));
        ++radio_[device].sinr_count;
    }

    Config config_;
    Network network_;
    Handovers handovers_;
    std::vector<std::size_t> slice_of_group_;
    Applications applications_;
    Faults faults_;
    std::vector<RadioReport> radio_;
    int64_t now_ms_ = 0;
};

} // namespace sixgym

#endif
