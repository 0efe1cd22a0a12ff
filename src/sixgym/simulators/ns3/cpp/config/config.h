// A whole network as plain records.
#ifndef SIXGYM_CONFIG_H
#define SIXGYM_CONFIG_H

#include "radio/field.h"
#include "text.h"

#include <limits>
#include <optional>
#include <vector>

namespace sixgym
{

/// Shares of PRBs of one slice, 0 to 1 (RRMPolicyRatio, TS 28.541).
struct Policy
{
    double dedicated = 0;
    double minimum = 0;
    double maximum = 1;
};

struct SliceConfig
{
    std::string type;
    double max_latency_ms = std::numeric_limits<double>::infinity();
    Policy policy;
};

struct TrafficConfig
{
    enum class Model
    {
        ON_OFF,
        STEADY,
    };

    Model model = Model::STEADY;
    int packet_bytes = 0;
    double gap_s = 1; // between packets at normal load
    double mean_on_s = 0;
    double mean_off_s = 0;
};

struct WorkloadConfig
{
    double rate_hz = 1;
    int request_bytes = 0;
    int response_bytes = 0;
    double megacycles = 1;
    std::string runs_on;
    double onboard_rate = 1; // megacycles per second
};

struct GroupConfig
{
    std::string name;
    std::size_t slice = 0;
    TrafficConfig traffic;
    std::optional<WorkloadConfig> workload;
};

struct DeviceConfig
{
    std::string name;
    std::size_t group = 0;
    Point position;
    double speed_mps = 0;
    std::vector<Point> route;
};

struct CellConfig
{
    std::string id;
    double power_dbm = 0;
    std::size_t emitter = 0;
};

struct NodeConfig
{
    std::string id;
    double rate = 1; // megacycles per second
    double link_delay_ms = 0;
    double background_load = 0;
    std::size_t queue_limit = 0;
};

enum class FaultKind
{
    INTERFERER,
    CELL_POWER_DROP,
    CELL_OUTAGE,
    TRAFFIC_SURGE,
    BACKHAUL_DEGRADATION,
    EDGE_OVERLOAD,
    HANDOVER_FAILURE,
};

/// A fault. `target` is an index of what the kind is about: emitter, cell, group or node.
struct Fault
{
    FaultKind kind{};
    std::string name;
    int64_t start_ms = 0;
    int64_t end_ms = 0;
    std::size_t target = 0;
    double amount = 0; // dBm, dB, factor, delay in ms, load
    double loss_ratio = 0;
};

template <typename T>
std::size_t
IndexOf(const std::vector<T>& items, const std::string& name, std::string T::*id, const char* what)
{
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        if (items[i].*id == name)
        {
            return i;
        }
    }
    throw Refused(std::string("no ") + what + " " + name);
}

/// A whole network.
struct Config
{
    uint64_t seed = 1;
    int64_t interval_ms = 100;
    int64_t warm_up_ms = 1000;
    Environment environment;
    double noise_figure_db = 5;
    std::string fading_file; // empty: a flat channel
    int prbs = 25;
    int layers = 1;
    bool piro = false;
    int cqi_period_ms = 5;
    int rlc_buffer_bytes = 100'000;
    int64_t loss_timeout_ms = 500;
    bool a3 = false;
    double hysteresis_db = 3;
    int time_to_trigger_ms = 256;
    double backhaul_delay_ms = 0.5;
    double backhaul_rate_mbps = 1000;
    std::vector<Emitter> emitters;
    std::vector<CellConfig> cells;
    std::vector<SliceConfig> slices;
    std::vector<GroupConfig> groups;
    std::vector<DeviceConfig> devices;
    std::vector<NodeConfig> nodes;
    std::vector<Fault> faults;

    std::size_t Slice(const std::string& type) const
    {
        return IndexOf(slices, type, &SliceConfig::type, "slice");
    }

    std::size_t Group(const std::string& name) const
    {
        return IndexOf(groups, name, &GroupConfig::name, "group");
    }

    std::size_t Cell(const std::string& id) const
    {
        return IndexOf(cells, id, &CellConfig::id, "cell");
    }

    std::size_t Device(const std::string& name) const
    {
        return IndexOf(devices, name, &DeviceConfig::name, "device");
    }

    std::size_t Node(const std::string& id) const
    {
        return IndexOf(nodes, id, &NodeConfig::id, "compute node");
    }

    std::size_t EmitterIndex(const std::string& id) const
    {
        return IndexOf(emitters, id, &Emitter::id, "emitter");
    }
};

} // namespace sixgym

#endif
