// Configuration lines become records.
#ifndef SIXGYM_READ_CONFIG_H
#define SIXGYM_READ_CONFIG_H

#include "config/config.h"

#include <map>

namespace sixgym
{

inline Point
ReadPoint(Words& words)
{
    Point point;
    point.x = words.Number();
    point.y = words.Number();
    point.z = words.Number();
    return point;
}

/// DEDICATED MIN MAX in percent.
inline Policy
ReadPolicy(Words& words)
{
    Policy policy;
    policy.dedicated = words.Number() / 100;
    policy.minimum = words.Number() / 100;
    policy.maximum = words.Number() / 100;
    return policy;
}

/// ID X Y Z PATTERN GAIN AZIMUTH, then kx, ky and phase of the sight and of the shadow field.
inline Emitter
ReadEmitter(Words& words)
{
    Emitter emitter;
    emitter.id = words.Word();
    emitter.position = ReadPoint(words);
    emitter.sector = words.Word() == "sector";
    emitter.gain_dbi = words.Number();
    emitter.azimuth_deg = words.Number();
    for (Waves* waves : {&emitter.sight, &emitter.shadow})
    {
        for (auto* values : {&waves->kx, &waves->ky, &waves->phase})
        {
            for (double& value : *values)
            {
                value = words.Number();
            }
        }
    }
    return emitter;
}

/// KIND START_MS DURATION_MS TARGET [AMOUNT [LOSS_RATIO]].
inline Fault
ReadFault(Words& words, const Config& config)
{
    static const std::map<std::string, FaultKind> kinds{
        {"interferer", FaultKind::INTERFERER},
        {"cell_power_drop", FaultKind::CELL_POWER_DROP},
        {"cell_outage", FaultKind::CELL_OUTAGE},
        {"traffic_surge", FaultKind::TRAFFIC_SURGE},
        {"backhaul_degradation", FaultKind::BACKHAUL_DEGRADATION},
        {"edge_overload", FaultKind::EDGE_OVERLOAD},
        {"handover_failure", FaultKind::HANDOVER_FAILURE},
    };
    Fault fault;
    fault.name = words.Word();
    const auto kind = kinds.find(fault.name);
    if (kind == kinds.end())
    {
        throw Refused("no fault kind " + fault.name);
    }
    fault.kind = kind->second;
    fault.start_ms = words.Integer();
    fault.end_ms = fault.start_ms + words.Integer();
    const std::string target = words.Word();
    switch (fault.kind)
    {
    case FaultKind::INTERFERER:
        fault.target = config.EmitterIndex(target);
        break;
    case FaultKind::TRAFFIC_SURGE:
        fault.target = config.Group(target);
        break;
    case FaultKind::EDGE_OVERLOAD:
        fault.target = config.Node(target);
        break;
    default:
        fault.target = config.Cell(target);
    }
    fault.amount = words.More() ? words.Number() : 0;
    fault.loss_ratio = words.More() ? words.Number() : 0;
    return fault;
}

/// on_off RATE_MBPS BYTES ON_S OFF_S, constant RATE_MBPS BYTES or periodic INTERVAL_MS BYTES.
inline TrafficConfig
ReadTraffic(Words& words)
{
    TrafficConfig traffic;
    const std::string model = words.Word();
    const double first = words.Number();
    traffic.packet_bytes = static_cast<int>(words.Integer());
    traffic.gap_s = model == "periodic" ? first * 1e-3 : traffic.packet_bytes * 8 / (first * 1e6);
    if (model == "on_off")
    {
        traffic.model = TrafficConfig::Model::ON_OFF;
        traffic.mean_on_s = words.Number();
        traffic.mean_off_s = words.Number();
    }
    return traffic;
}

inline void
ReadScenario(Words& words, Config& config)
{
    config.seed = static_cast<uint64_t>(words.Integer());
    config.interval_ms = words.Integer();
    config.warm_up_ms = words.Integer();
}

inline void
ReadChannel(Words& words, Config& config)
{
    config.environment.frequency_mhz = words.Number();
    config.environment.urban_macro = words.Word() == "UMa";
    config.environment.shadowing = words.Integer() != 0;
    config.noise_figure_db = words.Number();
}

inline void
ReadRadio(Words& words, Config& config)
{
    config.prbs = static_cast<int>(words.Integer());
    config.layers = static_cast<int>(words.Integer());
    config.piro = words.Word() == "piro";
    config.cqi_period_ms = static_cast<int>(words.Integer());
    config.rlc_buffer_bytes = static_cast<int>(words.Integer());
    config.loss_timeout_ms = words.Integer();
}

inline void
ReadHandover(Words& words, Config& config)
{
    config.a3 = words.Word() == "a3";
    config.hysteresis_db = words.Number();
    config.time_to_trigger_ms = static_cast<int>(words.Integer());
}

inline void
ReadCell(Words& words, Config& config)
{
    CellConfig cell;
    cell.id = words.Word();
    cell.emitter = config.EmitterIndex(cell.id);
    cell.power_dbm = words.Number();
    config.cells.push_back(cell);
}

inline void
ReadSlice(Words& words, Config& config)
{
    SliceConfig slice;
    slice.type = words.Word();
    slice.policy = ReadPolicy(words);
    if (words.More())
    {
        slice.max_latency_ms = words.Number();
    }
    config.slices.push_back(slice);
}

inline void
ReadGroup(Words& words, Config& config)
{
    GroupConfig group;
    group.name = words.Word();
    group.slice = config.Slice(words.Word());
    group.traffic = ReadTraffic(words);
    config.groups.push_back(group);
}

inline void
ReadWorkload(Words& words, Config& config)
{
    const std::size_t group = config.Group(words.Word());
    WorkloadConfig workload;
    workload.rate_hz = words.Number();
    workload.request_bytes = static_cast<int>(words.Integer());
    workload.response_bytes = static_cast<int>(words.Integer());
    workload.megacycles = words.Number();
    workload.runs_on = words.Word();
    workload.onboard_rate = words.Number();
    config.groups[group].workload = workload;
}

inline void
ReadDevice(Words& words, Config& config)
{
    DeviceConfig device;
    device.name = words.Word();
    device.group = config.Group(words.Word());
    device.position = ReadPoint(words);
    device.speed_mps = words.Number();
    while (words.More())
    {
        device.route.push_back(ReadPoint(words));
    }
    config.devices.push_back(device);
}

inline void
ReadNode(Words& words, Config& config)
{
    NodeConfig node;
    node.id = words.Word();
    node.rate = words.Number();
    node.link_delay_ms = words.Number();
    node.background_load = words.Number();
    node.queue_limit = static_cast<std::size_t>(words.Integer());
    config.nodes.push_back(node);
}

/// Adds what one configuration line says. A name must be introduced before it is used.
inline void
ReadConfigLine(const std::string& line, Config& config)
{
    using Reader = void (*)(Words&, Config&);
    static const std::map<std::string, Reader> readers{
        {"scenario", ReadScenario},
        {"channel", ReadChannel},
        {"radio", ReadRadio},
        {"handover", ReadHandover},
        {"cell", ReadCell},
        {"slice", ReadSlice},
        {"group", ReadGroup},
        {"workload", ReadWorkload},
        {"device", ReadDevice},
        {"node", ReadNode},
        {"fading", [](Words& words, Config& c) { c.fading_file = words.Rest(); }},
        {"emitter", [](Words& words, Config& c) { c.emitters.push_back(ReadEmitter(words)); }},
        {"fault", [](Words& words, Config& c) { c.faults.push_back(ReadFault(words, c)); }},
        {"backhaul",
         [](Words& words, Config& c) {
             c.backhaul_delay_ms = words.Number();
             c.backhaul_rate_mbps = words.Number();
         }},
    };
    Words words(line);
    const std::string key = words.Word();
    const auto reader = readers.find(key);
    if (reader == readers.end())
    {
        throw Refused("no configuration key " + key);
    }
    reader->second(words, config);
    words.End();
}

} // namespace sixgym

#endif
