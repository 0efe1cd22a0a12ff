// The ns-3 network of a scenario: EPC, cells, devices, server and compute hosts.
#ifndef SIXGYM_NETWORK_H
#define SIXGYM_NETWORK_H

#include "network/lte_settings.h"
#include "radio/fading.h"
#include "radio/propagation.h"
#include "scheduler/cell_scheduler.h"

#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4-static-routing-helper.h"
#include "ns3/component-carrier-enb.h"
#include "ns3/lte-enb-net-device.h"
#include "ns3/lte-enb-phy.h"
#include "ns3/lte-enb-rrc.h"
#include "ns3/lte-handover-algorithm.h"
#include "ns3/lte-helper.h"
#include "ns3/lte-radio-bearer-info.h"
#include "ns3/lte-rlc.h"
#include "ns3/lte-rlc-um.h"
#include "ns3/lte-ue-net-device.h"
#include "ns3/lte-ue-phy.h"
#include "ns3/non-communicating-net-device.h"
#include "ns3/point-to-point-channel.h"
#include "ns3/point-to-point-epc-helper.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/point-to-point-net-device.h"
#include "ns3/string.h"
#include "ns3/waveform-generator.h"
#include "ns3/waveform-generator-helper.h"

#include <set>

namespace sixgym
{

/// A host behind the packet gateway.
struct Host
{
    ns3::Ptr<ns3::Node> node;
    ns3::Ipv4Address address;
};

struct CellNode
{
    ns3::Ptr<ns3::Node> node;
    ns3::Ptr<ns3::LteEnbNetDevice> device;
    ns3::Ptr<CellScheduler> scheduler;
    ns3::Ptr<ns3::PointToPointNetDevice> backhaul[2]; // the S1-U link's ends: cell, gateway
};

struct DeviceNode
{
    ns3::Ptr<ns3::Node> node;
    ns3::Ptr<Place> place;
    ns3::Ptr<ns3::LteUeNetDevice> device;
    ns3::Ipv4Address address;
};

class Network
{
  public:
    /// `config` is kept. `fading` is null for a flat channel.
    Network(const Config& config, std::shared_ptr<const FadingTable> fading)
        : config_(config)
    {
        if (fading && fading->prbs != static_cast<uint32_t>(config.prbs))
        {
            throw Refused("the fading table has another number of PRBs than the carrier");
        }
        const uint32_t earfcn = DownlinkEarfcn(config.environment.frequency_mhz);
        ResetNs3();
        SetDefaults(config);
        BuildCore(earfcn, fading);
        BuildCells();
        BuildDevices();
        AssignStreams();
        ConfigureChannels(std::move(fading));
        earfcn_ = earfcn;
    }

    ~Network()
    {
        interferers_.clear();
        cells.clear();
        devices.clear();
        hosts.clear();
        lte_ = nullptr;
        epc_ = nullptr;
        ns3::Simulator::Destroy();
    }

    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    /// A transmitter of noise over the carrier, off until started.
    ns3::Ptr<ns3::WaveformGenerator> AddInterferer(std::size_t emitter, double power_dbm)
    {
        using namespace ns3;
        auto psd = Create<SpectrumValue>(LteSpectrumValueHelper::GetSpectrumModel(
            earfcn_, static_cast<uint16_t>(config_.prbs)));
        *psd = std::pow(10, (power_dbm - 30) / 10) / (config_.prbs * 180e3);
        NodeContainer node(1);
        node.Get(0)->AggregateObject(
            Place::Of(true, emitter, config_.emitters[emitter].position));
        WaveformGeneratorHelper helper;
        helper.SetChannel(lte_->GetDownlinkSpectrumChannel());
        helper.SetPhyAttribute("Period", TimeValue(MilliSeconds(1)));
        helper.SetPhyAttribute("DutyCycle", DoubleValue(1));
        helper.SetTxPowerSpectralDensity(psd);
        const NetDeviceContainer device = helper.Install(node);
        auto generator = DynamicCast<WaveformGenerator>(
            DynamicCast<NonCommunicatingNetDevice>(device.Get(0))->GetPhy());
        interferers_.push_back(generator);
        return generator;
    }

    std::vector<CellNode> cells;
    std::vector<DeviceNode> devices;
    std::vector<Host> hosts; // the compute nodes, then the traffic server

    const Host& Server() const
    {
        return hosts.back();
    }

  private:
    void BuildCore(uint32_t earfcn, const std::shared_ptr<const FadingTable>& fading)
    {
        using namespace ns3;
        Place::GetTypeId();
        epc_ = CreateObject<PointToPointEpcHelper>();
        epc_->SetAttribute("S1uLinkDelay", TimeValue(Seconds(config_.backhaul_delay_ms * 1e-3)));
        // X2 runs over the transport network of both cells
        epc_->SetAttribute("X2LinkDelay", TimeValue(Seconds(2 * config_.backhaul_delay_ms * 1e-3)));
        epc_->SetAttribute("S1uLinkDataRate", DataRateValue(DataRate(static_cast<uint64_t>(
                                                  config_.backhaul_rate_mbps * 1e6))));
        lte_ = CreateObject<LteHelper>();
        lte_->SetEpcHelper(epc_);
        lte_->SetSchedulerType(CellScheduler::GetTypeId().GetName());
        lte_->SetSchedulerAttribute("Slices", UintegerValue(config_.slices.size()));
        lte_->SetPathlossModelType(FieldLoss::GetTypeId());
        if (fading)
        {
            lte_->SetFadingModel(TableFading::GetTypeId().GetName());
        }
        if (config_.a3)
        {
            lte_->SetHandoverAlgorithmType("ns3::A3RsrpHandoverAlgorithm");
            lte_->SetHandoverAlgorithmAttribute("Hysteresis", DoubleValue(config_.hysteresis_db));
            lte_->SetHandoverAlgorithmAttribute("TimeToTrigger",
                                                TimeValue(MilliSeconds(config_.time_to_trigger_ms)));
        }
        const auto prbs = static_cast<uint64_t>(config_.prbs);
        lte_->SetEnbDeviceAttribute("DlEarfcn", UintegerValue(earfcn));
        lte_->SetEnbDeviceAttribute("UlEarfcn", UintegerValue(earfcn + 18000));
        lte_->SetEnbDeviceAttribute("DlBandwidth", UintegerValue(prbs));
        lte_->SetEnbDeviceAttribute("UlBandwidth", UintegerValue(prbs));
        lte_->SetUeDeviceAttribute("DlEarfcn", UintegerValue(earfcn));
        internet_.SetIpv6StackInstall(false);
        for (const NodeConfig& node : config_.nodes)
        {
            AddHost(node.link_delay_ms);
        }
        AddHost(0);
    }

    void AddHost(double delay_ms)
    {
        using namespace ns3;
        const NodeContainer node(1);
        internet_.Install(node);
        PointToPointHelper link;
        link.SetDeviceAttribute("DataRate", StringValue("100Gb/s"));
        link.SetChannelAttribute("Delay", TimeValue(Seconds(delay_ms * 1e-3)));
        const NetDeviceContainer ends = link.Install(epc_->GetPgwNode(), node.Get(0));
        const Ipv4InterfaceContainer interfaces = addresses_.Assign(ends);
        addresses_.NewNetwork();
        Ipv4StaticRoutingHelper()
            .GetStaticRouting(node.Get(0)->GetObject<Ipv4>())
            ->AddNetworkRouteTo("7.0.0.0", "255.0.0.0", 1);
        hosts.push_back({node.Get(0), interfaces.GetAddress(1)});
    }

    void BuildCells()
    {
        using namespace ns3;
        NodeContainer nodes;
        for (const CellConfig& cell : config_.cells)
        {
            const NodeContainer node(1);
            node.Get(0)->AggregateObject(
                Place::Of(true, cell.emitter, config_.emitters[cell.emitter].position));
            ns3::Config::SetDefault("ns3::LteEnbPhy::TxPower", DoubleValue(cell.power_dbm));
            const NetDeviceContainer installed = lte_->InstallEnbDevice(node);
            auto device = DynamicCast<LteEnbNetDevice>(installed.Get(0));
            auto carrier = DynamicCast<ComponentCarrierEnb>(device->GetCcMap().at(0));
            auto scheduler = DynamicCast<CellScheduler>(carrier->GetFfMacScheduler());
            cells.push_back({node.Get(0), device, scheduler, {}});
            RemoveAntennas(device->GetPhy());
            FindBackhaul(cells.back());
            nodes.Add(node);
        }
        if (cells.size() > 1)
        {
            lte_->AddX2Interface(nodes);
        }
    }

    /// The field holds the antenna patterns; ns-3's isotropic antennas would only cost angles.
    static void RemoveAntennas(ns3::Ptr<ns3::LtePhy> phy)
    {
        phy->GetDownlinkSpectrumPhy()->SetAntenna(nullptr);
        phy->GetUplinkSpectrumPhy()->SetAntenna(nullptr);
    }

    /// The S1-U link is the first point-to-point link of a cell; X2 links come later.
    static void FindBackhaul(CellNode& cell)
    {
        using namespace ns3;
        for (uint32_t i = 0; i < cell.node->GetNDevices(); ++i)
        {
            if (auto near = DynamicCast<PointToPointNetDevice>(cell.node->GetDevice(i)))
            {
                auto channel = near->GetChannel();
                const bool first = channel->GetDevice(0) == near;
                cell.backhaul[0] = near;
                cell.backhaul[1] =
                    DynamicCast<PointToPointNetDevice>(channel->GetDevice(first ? 1 : 0));
                return;
            }
        }
        NS_FATAL_ERROR("a cell without S1-U link");
    }

    void BuildDevices()
    {
        using namespace ns3;
        NodeContainer nodes;
        NetDeviceContainer radios;
        for (std::size_t i = 0; i < config_.devices.size(); ++i)
        {
            const NodeContainer node(1);
            auto place = Place::Of(false, i, config_.devices[i].position);
            node.Get(0)->AggregateObject(place);
            const NetDeviceContainer installed = lte_->InstallUeDevice(node);
            devices.push_back(
                {node.Get(0), place, DynamicCast<LteUeNetDevice>(installed.Get(0)), {}});
            RemoveAntennas(devices.back().device->GetPhy());
            nodes.Add(node);
            radios.Add(installed);
        }
        internet_.Install(nodes);
        const Ipv4InterfaceContainer interfaces = epc_->AssignUeIpv4Address(radios);
        for (std::size_t i = 0; i < devices.size(); ++i)
        {
            devices[i].address = interfaces.GetAddress(static_cast<uint32_t>(i));
            Ipv4StaticRoutingHelper()
                .GetStaticRouting(devices[i].node->GetObject<Ipv4>())
                ->SetDefaultRoute(epc_->GetUeDefaultGatewayAddress(), 1);
        }
    }

    void AssignStreams()
    {
        using namespace ns3;
        for (std::size_t i = 0; i < cells.size(); ++i)
        {
            lte_->AssignStreams(NetDeviceContainer(cells[i].device),
                                streams::CELLS + static_cast<int64_t>(i) * streams::PER_LTE_DEVICE);
        }
        for (std::size_t i = 0; i < devices.size(); ++i)
        {
            const auto k = static_cast<int64_t>(i);
            lte_->AssignStreams(NetDeviceContainer(devices[i].device),
                                streams::DEVICES + k * streams::PER_LTE_DEVICE);
            internet_.AssignStreams(NodeContainer(devices[i].node),
                                    streams::INTERNET + k * streams::PER_HOST);
        }
    }

    void ConfigureChannels(std::shared_ptr<const FadingTable> fading)
    {
        using namespace ns3;
        for (const auto& channel :
             {lte_->GetDownlinkSpectrumChannel(), lte_->GetUplinkSpectrumChannel()})
        {
            DynamicCast<FieldLoss>(channel->GetPropagationLossModel())
                ->Configure(config_.environment, &config_.emitters);
        }
        if (fading)
        {
            // both channels share one model
            DynamicCast<TableFading>(
                lte_->GetDownlinkSpectrumChannel()->GetSpectrumPropagationLossModel())
                ->Use(std::move(fading));
        }
    }

  public:
    /// Connects a device to a cell.
    void Attach(std::size_t device, std::size_t cell)
    {
        lte_->Attach(devices[device].device, cells[cell].device);
    }

  private:
    const Config& config_;
    uint32_t earfcn_ = 0;
    ns3::Ptr<ns3::LteHelper> lte_;
    ns3::Ptr<ns3::PointToPointEpcHelper> epc_;
    ns3::InternetStackHelper internet_;
    ns3::Ipv4AddressHelper addresses_{"1.0.0.0", "255.255.255.0"};
    std::vector<ns3::Ptr<ns3::WaveformGenerator>> interferers_;
};

} // namespace sixgym

#endif
