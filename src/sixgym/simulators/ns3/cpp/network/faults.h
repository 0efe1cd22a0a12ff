// Faults begin and end on the clock; faults that overlap on one target combine.
#ifndef SIXGYM_FAULTS_H
#define SIXGYM_FAULTS_H

#include "network/backhaul.h"
#include "network/handover.h"

namespace sixgym
{

/// Applies the faults that are active. Nothing is undone: after every start and end, what a fault
/// kind governs is computed again from the configuration and the active faults.
class Faults
{
  public:
    /// Radiated power of a cell in outage; the measurement reports -200 dBm.
    static constexpr double SILENT_DBM = -150;

    std::function<void(std::size_t group, double factor)> on_traffic;
    std::function<void(std::size_t node, double load)> on_background;

    Faults(const Config& config, Network& network, Handovers& handovers)
        : config_(config),
          network_(network),
          handovers_(handovers)
    {
        for (const CellNode& cell : network.cells)
        {
            backhauls_.push_back(std::make_unique<Backhaul>(
                cell,
                config.backhaul_delay_ms,
                ns3::DataRate(static_cast<uint64_t>(config.backhaul_rate_mbps * 1e6)),
                streams::BACKHAUL + static_cast<int64_t>(backhauls_.size()) * 2));
        }
        power_dbm_.resize(network.cells.size());
        for (std::size_t cell = 0; cell < network.cells.size(); ++cell)
        {
            power_dbm_[cell] = config.cells[cell].power_dbm;
        }
    }

    /// Lets a fault strike and end at its network times.
    void Schedule(const Fault& fault)
    {
        faults_.push_back({fault, false, nullptr});
        const std::size_t index = faults_.size() - 1;
        if (fault.kind == FaultKind::INTERFERER)
        {
            faults_[index].interferer = network_.AddInterferer(fault.target, fault.amount);
        }
        ns3::Simulator::Schedule(Until(fault.start_ms), &Faults::Switch, this, index, true);
        ns3::Simulator::Schedule(Until(fault.end_ms), &Faults::Switch, this, index, false);
    }

    /// Kinds active at some time in [from_ms, to_ms).
    std::vector<std::string> ActiveKinds(int64_t from_ms, int64_t to_ms) const
    {
        std::set<std::string> kinds;
        for (const Entry& entry : faults_)
        {
            if (entry.fault.start_ms < to_ms && entry.fault.end_ms > from_ms)
            {
                kinds.insert(entry.fault.name);
            }
        }
        return {kinds.begin(), kinds.end()};
    }

    std::vector<Fault> ActiveInterferers() const
    {
        std::vector<Fault> active;
        for (const Entry& entry : faults_)
        {
            if (entry.active && entry.fault.kind == FaultKind::INTERFERER)
            {
                active.push_back(entry.fault);
            }
        }
        return active;
    }

    /// Power a cell radiates, -200 dBm in an outage.
    double PowerDbm(std::size_t cell) const
    {
        return power_dbm_[cell];
    }

    const Backhaul& BackhaulOf(std::size_t cell) const
    {
        return *backhauls_[cell];
    }

  private:
    struct Entry
    {
        Fault fault;
        bool active;
        ns3::Ptr<ns3::WaveformGenerator> interferer;
    };

    ns3::Time Until(int64_t network_ms) const
    {
        return ns3::MilliSeconds(config_.warm_up_ms + network_ms) - ns3::Simulator::Now();
    }

    void Switch(std::size_t index, bool active)
    {
        faults_[index].active = active;
        const std::size_t target = faults_[index].fault.target;
        switch (faults_[index].fault.kind)
        {
        case FaultKind::INTERFERER:
            active ? faults_[index].interferer->Start() : faults_[index].interferer->Stop();
            break;
        case FaultKind::CELL_POWER_DROP:
        case FaultKind::CELL_OUTAGE:
            SetPower(target);
            SetAdmission(target);
            break;
        case FaultKind::HANDOVER_FAILURE:
            SetAdmission(target);
            break;
        case FaultKind::TRAFFIC_SURGE:
            SetTraffic(target);
            break;
        case FaultKind::BACKHAUL_DEGRADATION:
            SetBackhaul(target);
            break;
        case FaultKind::EDGE_OVERLOAD:
            SetBackground(target);
            break;
        }
    }

    template <typename Visit>
    void ForActive(FaultKind kind, std::size_t target, Visit visit) const
    {
        for (const Entry& entry : faults_)
        {
            if (entry.active && entry.fault.kind == kind && entry.fault.target == target)
            {
                visit(entry.fault);
            }
        }
    }

    bool IsActive(FaultKind kind, std::size_t target) const
    {
        bool active = false;
        ForActive(kind, target, [&](const Fault&) { active = true; });
        return active;
    }

    /// Drops add up; an outage beats them.
    void SetPower(std::size_t cell)
    {
        double power = config_.cells[cell].power_dbm;
        ForActive(FaultKind::CELL_POWER_DROP, cell, [&](const Fault& f) { power -= f.amount; });
        const bool outage = IsActive(FaultKind::CELL_OUTAGE, cell);
        power_dbm_[cell] = outage ? -200 : power;
        network_.cells[cell].device->GetPhy()->SetTxPower(outage ? SILENT_DBM : power);
    }

    /// A cell in outage refuses handovers, too: a device would lose its connection there.
    void SetAdmission(std::size_t cell)
    {
        handovers_.SetRefusing(cell,
                               IsActive(FaultKind::HANDOVER_FAILURE, cell) ||
                                   IsActive(FaultKind::CELL_OUTAGE, cell));
    }

    /// Factors multiply.
    void SetTraffic(std::size_t group)
    {
        double factor = 1;
        ForActive(FaultKind::TRAFFIC_SURGE, group, [&](const Fault& f) { factor *= f.amount; });
        on_traffic(group, factor);
    }

    /// The longest delay counts; losses are independent.
    void SetBackhaul(std::size_t cell)
    {
        double delay_ms = config_.backhaul_delay_ms;
        double passed = 1;
        ForActive(FaultKind::BACKHAUL_DEGRADATION, cell, [&](const Fault& f) {
            delay_ms = std::max(delay_ms, f.amount);
            passed *= 1 - f.loss_ratio;
        });
        backhauls_[cell]->Set(delay_ms, 1 - passed);
    }

    /// The highest load counts.
    void SetBackground(std::size_t node)
    {
        double load = config_.nodes[node].background_load;
        ForActive(FaultKind::EDGE_OVERLOAD, node, [&](const Fault& f) {
            load = std::max(load, f.amount);
        });
        on_background(node, load);
    }

    const Config& config_;
    Network& network_;
    Handovers& handovers_;
    std::vector<std::unique_ptr<Backhaul>> backhauls_;
    std::vector<double> power_dbm_;
    std::vector<Entry> faults_;
};

} // namespace sixgym

#endif
