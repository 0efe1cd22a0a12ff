// An interval as JSON: the fields of sixgym.domain.measurement.Interval.
#ifndef SIXGYM_REPORT_H
#define SIXGYM_REPORT_H

#include "session/world.h"

namespace sixgym
{

/// Writes what was measured since the last report, and starts the next interval.
class Report
{
  public:
    Report(World& world, int64_t start_ms)
        : world_(world),
          config_(world.Settings()),
          start_ms_(start_ms),
          interval_ms_(static_cast<double>(world.NowMs() - start_ms))
    {
        const int64_t now = ns3::Simulator::Now().GetNanoSeconds();
        for (std::size_t device = 0; device < config_.devices.size(); ++device)
        {
            world_.Apps().MeterOf(device).Settle(now, world_.Apps().LossTimeoutNs());
        }
        for (const CellNode& cell : world_.Nodes().cells)
        {
            counts_.push_back(cell.scheduler->TakeCount());
        }
    }

    std::string Text()
    {
        json_.Open('{').Field("start_ms", start_ms_).Field("end_ms", world_.NowMs());
        WriteSlices();
        WriteGroups();
        WriteNodes();
        WriteCells();
        WriteDevices();
        WriteFaults();
        int64_t leaked = 0;
        for (const PrbCount& count : counts_)
        {
            leaked += static_cast<int64_t>(count.leaked);
        }
        json_.Field("prb_leakage", leaked).Close('}');
        for (std::size_t device = 0; device < config_.devices.size(); ++device)
        {
            world_.Apps().MeterOf(device).flow.Clear();
        }
        return json_.Text();
    }

  private:
    const Flow& FlowOf(std::size_t device)
    {
        return world_.Apps().MeterOf(device).flow;
    }

    uint32_t QueueOf(std::size_t device)
    {
        const Attachment& at = world_.Mobility().attachments[device];
        return world_.Nodes().cells[at.cell].scheduler->QueueBytes(at.rnti);
    }

    void WriteSlices()
    {
        std::vector<Flow> flows;
        json_.Key("slices").Open('{');
        for (std::size_t slice = 0; slice < config_.slices.size(); ++slice)
        {
            Flow flow;
            int64_t queue = 0;
            int64_t devices = 0;
            for (std::size_t device = 0; device < config_.devices.size(); ++device)
            {
                if (world_.SliceOf(device) == slice)
                {
                    flow.Add(FlowOf(device));
                    queue += QueueOf(device);
                    ++devices;
                }
            }
            double granted = 0;
            double used = 0;
            for (const PrbCount& count : counts_)
            {
                const auto ttis = static_cast<double>(std::max<uint64_t>(count.ttis, 1));
                granted += static_cast<double>(count.granted[slice]) / ttis;
                used += static_cast<double>(count.used[slice]) / ttis;
            }
            const double hertz = granted * 180e3;
            const double bits_per_s =
                static_cast<double>(flow.delivered_bytes) * 8 / (interval_ms_ * 1e-3);
            json_.Key(config_.slices[slice].type).Open('{').Key("flow");
            flow.Write(json_, interval_ms_);
            json_.Field("prbs_granted", granted)
                .Field("prbs_used", used)
                .Field("queue_bytes", queue)
                .Field("spectral_efficiency", hertz > 0 ? bits_per_s / hertz : 0.0)
                .Field("devices", devices)
                .Close('}');
            flows.push_back(std::move(flow));
        }
        json_.Close('}').Key("delay_histograms").Open('{');
        for (std::size_t slice = 0; slice < flows.size(); ++slice)
        {
            json_.Key(config_.slices[slice].type);
            flows[slice].WriteDelayHistogram(json_);
        }
        json_.Close('}');
    }

    void WriteGroups()
    {
        json_.Key("groups").Open('{');
        for (std::size_t group = 0; group < config_.groups.size(); ++group)
        {
            Flow flow;
            for (std::size_t device = 0; device < config_.devices.size(); ++device)
            {
                if (config_.devices[device].group == group)
                {
                    flow.Add(FlowOf(device));
                }
            }
            json_.Key(config_.groups[group].name);
            flow.Write(json_, interval_ms_);
        }
        json_.Close('}').Key("workloads").Open('{');
        for (std::size_t group = 0; group < config_.groups.size(); ++group)
        {
            if (config_.groups[group].workload)
            {
                json_.Key(config_.groups[group].name);
                TakeTasks(group).Write(json_);
            }
        }
        json_.Close('}');
    }

    TaskCount TakeTasks(std::size_t group)
    {
        TaskCount total;
        for (std::size_t device = 0; device < config_.devices.size(); ++device)
        {
            TaskSource* tasks =
                config_.devices[device].group == group ? world_.Apps().TasksOf(device) : nullptr;
            if (tasks == nullptr)
            {
                continue;
            }
            tasks->Settle();
            total.created += tasks->count.created;
            total.completed += tasks->count.completed;
            total.latency_sum_ms += tasks->count.latency_sum_ms;
            total.oldest_age_ms = std::max(total.oldest_age_ms, tasks->count.oldest_age_ms);
            tasks->count = {};
        }
        return total;
    }

    void WriteNodes()
    {
        json_.Key("nodes").Open('{');
        for (std::size_t node = 0; node < config_.nodes.size(); ++node)
        {
            json_.Key(config_.nodes[node].id);
            world_.Apps().Node(node).Write(json_);
        }
        json_.Close('}');
    }

    void WriteCells()
    {
        json_.Key("cells").Open('{');
        for (std::size_t cell = 0; cell < config_.cells.size(); ++cell)
        {
            const PrbCount& count = counts_[cell];
            const auto used = std::accumulate(count.used.begin(), count.used.end(), uint64_t{0});
            const auto offered =
                count.ttis *
                static_cast<uint64_t>(world_.Nodes().cells[cell].scheduler->SchedulablePrbs());
            const auto& attachments = world_.Mobility().attachments;
            const auto devices =
                std::count_if(attachments.begin(), attachments.end(), [cell](const auto& at) {
                    return at.cell == cell && at.rnti != 0;
                });
            const Backhaul& backhaul = world_.Disturbances().BackhaulOf(cell);
            json_.Key(config_.cells[cell].id)
                .Open('{')
                .Field("tx_power_dbm", world_.Disturbances().PowerDbm(cell))
                .Field("prb_load",
                       offered ? static_cast<double>(used) / static_cast<double>(offered) : 0.0)
                .Field("devices", static_cast<int64_t>(devices))
                .Field("backhaul_delay_ms", backhaul.DelayMs())
                .Field("backhaul_loss_ratio", backhaul.LossRatio())
                .Close('}');
        }
        json_.Close('}');
    }

    void WritePosition(const Point& point)
    {
        json_.Key("position")
            .Open('{')
            .Field("x_m", point.x)
            .Field("y_m", point.y)
            .Field("z_m", point.z)
            .Close('}');
    }

    void WriteDevices()
    {
        json_.Key("devices").Open('{');
        for (std::size_t device = 0; device < config_.devices.size(); ++device)
        {
            const DeviceConfig& config = config_.devices[device];
            json_.Key(config.name).Open('{').Key("flow");
            world_.Apps().MeterOf(device).flow.Write(json_, interval_ms_);
            json_.Field("group", config_.groups[config.group].name)
                .Field("slice", config_.slices[world_.SliceOf(device)].type)
                .Field("cell", config_.cells[world_.Mobility().attachments[device].cell].id);
            WritePosition(world_.Nodes().devices[device].place->Here());
            WriteRadio(world_.Radio(device));
            WriteHandover(world_.Mobility().attempts[device]);
            json_.Field("queue_bytes", static_cast<int64_t>(QueueOf(device))).Close('}');
        }
        json_.Close('}');
    }

    void WriteRadio(RadioReport& radio)
    {
        const double sinr_db =
            radio.sinr_count ? radio.sinr_db_sum / static_cast<double>(radio.sinr_count) : -50;
        json_.Field("sinr_db", sinr_db);
        radio.sinr_db_sum = 0;
        radio.sinr_count = 0;
        json_.Key("rsrp_dbm").Open('{');
        for (std::size_t cell = 0; cell < config_.cells.size(); ++cell)
        {
            const auto level =
                radio.rsrp_dbm.find(world_.Nodes().cells[cell].device->GetCellId());
            if (level != radio.rsrp_dbm.end() && std::isfinite(level->second))
            {
                json_.Field(config_.cells[cell].id.c_str(), level->second);
            }
        }
        json_.Close('}');
    }

    void WriteHandover(const Attempt& attempt)
    {
        json_.Field("handover", attempt.state).Key("handover_target");
        if (attempt.target < 0)
        {
            json_.Null();
        }
        else
        {
            json_.Value(config_.cells[static_cast<std::size_t>(attempt.target)].id);
        }
        json_.Field("handover_ms", attempt.DurationMs());
    }

    void WriteFaults()
    {
        json_.Key("interferers").Open('[');
        for (const Fault& fault : world_.Disturbances().ActiveInterferers())
        {
            json_.Open('{');
            WritePosition(config_.emitters[fault.target].position);
            json_.Field("power_dbm", fault.amount).Close('}');
        }
        json_.Close(']').Key("faults").Open('[');
        for (const auto& kind : world_.Disturbances().ActiveKinds(start_ms_, world_.NowMs()))
        {
            json_.Value(kind);
        }
        json_.Close(']');
    }

    World& world_;
    const Config& config_;
    int64_t start_ms_;
    double interval_ms_;
    std::vector<PrbCount> counts_;
    Json json_;
};

} // namespace sixgym

#endif
