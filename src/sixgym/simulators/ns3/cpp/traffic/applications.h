// What runs on the hosts and devices: traffic sources and sinks, compute tasks and their answers.
#ifndef SIXGYM_APPLICATIONS_H
#define SIXGYM_APPLICATIONS_H

#include "network/network.h"
#include "traffic/compute.h"
#include "traffic/meter.h"
#include "traffic/traffic.h"

#include "ns3/inet-socket-address.h"
#include "ns3/socket.h"
#include "ns3/udp-socket-factory.h"

#include <map>

namespace sixgym
{

class Applications
{
  public:
    /// Where tasks of a group run: a node's index or the devices themselves.
    static constexpr int ONBOARD = -1;

    /// `slice_of_group` is kept: it says which latency bound holds for a device now.
    Applications(const Config& config, Network& network, const std::vector<std::size_t>& slice_of_group)
        : config_(config),
          network_(network),
          slice_of_group_(slice_of_group),
          runs_on_(config.groups.size(), ONBOARD),
          scale_(config.groups.size(), 1),
          surge_(config.groups.size(), 1)
    {
        BuildNodes();
        server_ = Bind(network.Server().node, 0);
        for (std::size_t device = 0; device < config.devices.size(); ++device)
        {
            BuildDevice(device);
        }
        for (std::size_t group = 0; group < config.groups.size(); ++group)
        {
            if (config.groups[group].workload)
            {
                Offload(group, config.groups[group].workload->runs_on);
            }
        }
    }

    /// Starts all traffic and tasks now.
    void Start()
    {
        for (const auto& source : sources_)
        {
            source->Start();
        }
        for (auto& [device, tasks] : tasks_)
        {
            tasks->Start();
        }
        for (std::size_t node = 0; node < config_.nodes.size(); ++node)
        {
            nodes_[node]->SetBackground(config_.nodes[node].background_load);
        }
    }

    void SetScale(std::size_t group, double factor)
    {
        scale_[group] = factor;
        UpdateTraffic(group);
    }

    void SetSurge(std::size_t group, double factor)
    {
        surge_[group] = factor;
        UpdateTraffic(group);
    }

    void SetBackground(std::size_t node, double load)
    {
        nodes_[node]->SetBackground(load);
    }

    /// New tasks of the group run on that node; those under way finish where they are.
    void Offload(std::size_t group, const std::string& node)
    {
        runs_on_[group] = node == "onboard" ? ONBOARD : static_cast<int>(config_.Node(node));
    }

    /// Counts what the buffer of a bearer refuses.
    void WatchDrops(std::size_t device, ns3::Ptr<ns3::LteRlc> rlc)
    {
        rlc->TraceConnectWithoutContext(
            "TxDrop",
            ns3::MakeCallback(&Applications::Dropped, this).Bind(device));
    }

    Meter& MeterOf(std::size_t device)
    {
        return meters_[device];
    }

    ComputeQueue& Node(std::size_t node)
    {
        return *nodes_[node];
    }

    /// The task source of a device, or null.
    TaskSource* TasksOf(std::size_t device)
    {
        const auto tasks = tasks_.find(device);
        return tasks == tasks_.end() ? nullptr : tasks->second.get();
    }

    int64_t LossTimeoutNs() const
    {
        return config_.loss_timeout_ms * 1'000'000;
    }

  private:
    static constexpr uint16_t DEVICE_PORT = 5000;
    static constexpr uint16_t NODE_PORT = 7000;
    static constexpr std::size_t IP_UDP_BYTES = 28;
    static constexpr std::size_t PDCP_BYTES = 2;
    static constexpr std::size_t ONBOARD_QUEUE_LIMIT = 200; // the default of a compute node

    static ns3::Ptr<ns3::Socket> Bind(ns3::Ptr<ns3::Node> node, uint16_t port)
    {
        auto socket = ns3::Socket::CreateSocket(node, ns3::UdpSocketFactory::GetTypeId());
        socket->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), port));
        return socket;
    }

    void BuildNodes()
    {
        for (std::size_t node = 0; node < config_.nodes.size(); ++node)
        {
            const NodeConfig& config = config_.nodes[node];
            nodes_.push_back(std::make_unique<ComputeQueue>(
                config.rate,
                config.queue_limit,
                streams::COMPUTE + static_cast<int64_t>(node) * 2));
            auto socket = Bind(network_.hosts[node].node, NODE_PORT);
            socket->SetRecvCallback(
                ns3::MakeCallback(&Applications::NodeReceived, this).Bind(node));
            node_sockets_.push_back(socket);
        }
    }

    void BuildDevice(std::size_t device)
    {
        const GroupConfig& group = config_.groups[config_.devices[device].group];
        auto socket = Bind(network_.devices[device].node, DEVICE_PORT);
        socket->SetRecvCallback(
            ns3::MakeCallback(&Applications::DeviceReceived, this).Bind(device));
        device_sockets_.push_back(socket);
        meters_.emplace_back();
        sources_.push_back(std::make_unique<Source>(
            group.traffic,
            streams::TRAFFIC + static_cast<int64_t>(device) * Source::STREAMS,
            [this, device] { SendTraffic(device); }));
        if (group.workload)
        {
            const auto stream = streams::TASKS + static_cast<int64_t>(device) * 4;
            tasks_[device] = std::make_unique<TaskSource>(
                group.workload->rate_hz,
                group.workload->megacycles,
                stream,
                [this, device](uint32_t number, double work) { SendTask(device, number, work); });
            onboard_[device] = std::make_unique<ComputeQueue>(group.workload->onboard_rate,
                                                              ONBOARD_QUEUE_LIMIT,
                                                              stream + 2);
        }
    }

    void UpdateTraffic(std::size_t group)
    {
        for (std::size_t device = 0; device < config_.devices.size(); ++device)
        {
            if (config_.devices[device].group == group)
            {
                sources_[device]->SetFactor(scale_[group] * surge_[group]);
            }
        }
    }

    void SendTraffic(std::size_t device)
    {
        const int bytes = config_.groups[config_.devices[device].group].traffic.packet_bytes;
        PayloadHeader header;
        header.kind = PayloadHeader::TRAFFIC;
        header.device = static_cast<uint32_t>(device);
        header.number = meters_[device].Sent(ns3::Simulator::Now().GetNanoSeconds(), bytes);
        server_->SendTo(header.Pack(bytes),
                        0,
                        ns3::InetSocketAddress(network_.devices[device].address, DEVICE_PORT));
    }

    void SendTask(std::size_t device, uint32_t number, double megacycles)
    {
        const std::size_t group = config_.devices[device].group;
        const int node = runs_on_[group];
        if (node == ONBOARD)
        {
            onboard_[device]->Submit(megacycles, [this, device, number] {
                tasks_[device]->Answered(number);
            });
            return;
        }
        PayloadHeader header;
        header.kind = PayloadHeader::TASK;
        header.device = static_cast<uint32_t>(device);
        header.number = number;
        header.work = static_cast<float>(megacycles);
        const Host& host = network_.hosts[static_cast<std::size_t>(node)];
        device_sockets_[device]->SendTo(header.Pack(config_.groups[group].workload->request_bytes),
                                        0,
                                        ns3::InetSocketAddress(host.address, NODE_PORT));
    }

    void NodeReceived(std::size_t node, ns3::Ptr<ns3::Socket> socket)
    {
        ns3::Address from;
        while (auto packet = socket->RecvFrom(from))
        {
            const PayloadHeader header = PayloadHeader::Unpack(*packet);
            nodes_[node]->Submit(header.work, [this, node, header, from] {
                const auto& device = config_.devices[header.device];
                const int bytes = config_.groups[device.group].workload->response_bytes;
                node_sockets_[node]->SendTo(header.Pack(bytes), 0, from);
            });
        }
    }

    void DeviceReceived(std::size_t device, ns3::Ptr<ns3::Socket> socket)
    {
        while (auto packet = socket->Recv())
        {
            const PayloadHeader header = PayloadHeader::Unpack(*packet);
            if (header.kind == PayloadHeader::TASK)
            {
                tasks_[device]->Answered(header.number);
                continue;
            }
            const std::size_t slice = slice_of_group_[config_.devices[device].group];
            meters_[device].Received(header.number,
                                     static_cast<int>(packet->GetSize()),
                                     ns3::Simulator::Now().GetNanoSeconds(),
                                     config_.slices[slice].max_latency_ms,
                                     LossTimeoutNs());
        }
    }

    void Dropped(std::size_t device, ns3::Ptr<const ns3::Packet> packet)
    {
        const std::size_t headers = PDCP_BYTES + IP_UDP_BYTES;
        if (PayloadHeader::Unpack(*packet, headers).kind == PayloadHeader::TRAFFIC)
        {
            meters_[device].Dropped(static_cast<int>(packet->GetSize() - headers));
        }
    }

    const Config& config_;
    Network& network_;
    const std::vector<std::size_t>& slice_of_group_;
    std::vector<int> runs_on_;   // by group
    std::vector<double> scale_;  // by group
    std::vector<double> surge_;  // by group
    std::vector<Meter> meters_;  // by device
    std::vector<std::unique_ptr<Source>> sources_;
    std::vector<ns3::Ptr<ns3::Socket>> device_sockets_;
    std::map<std::size_t, std::unique_ptr<TaskSource>> tasks_;
    std::map<std::size_t, std::unique_ptr<ComputeQueue>> onboard_;
    std::vector<std::unique_ptr<ComputeQueue>> nodes_;
    std::vector<ns3::Ptr<ns3::Socket>> node_sockets_;
    ns3::Ptr<ns3::Socket> server_;
};

} // namespace sixgym

#endif
