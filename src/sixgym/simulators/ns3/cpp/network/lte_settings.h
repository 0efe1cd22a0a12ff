// Settings of ns-3's LTE stack, and the numbers of its random streams.
#ifndef SIXGYM_LTE_SETTINGS_H
#define SIXGYM_LTE_SETTINGS_H

#include "config/config.h"

#include "ns3/boolean.h"
#include "ns3/config.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/ipv4-address-generator.h"
#include "ns3/lte-amc.h"
#include "ns3/lte-enb-rrc.h"
#include "ns3/lte-spectrum-value-helper.h"
#include "ns3/mac48-address.h"
#include "ns3/object-factory.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"

namespace sixgym
{

/// First numbers of blocks of random streams. Every random variable has a fixed stream, so that an
/// unrelated setting does not change its draws.
namespace streams
{
constexpr int64_t CELLS = 10'000;
constexpr int64_t DEVICES = 100'000;
constexpr int64_t PER_LTE_DEVICE = 100;
constexpr int64_t INTERNET = 500'000;
constexpr int64_t PER_HOST = 50;
constexpr int64_t TRAFFIC = 600'000;
constexpr int64_t TASKS = 700'000;
constexpr int64_t COMPUTE = 800'000;
constexpr int64_t BACKHAUL = 900'000;
} // namespace streams

/// EARFCN of the FDD carrier at that downlink frequency (TS 36.101 table 5.7.3-1).
inline uint32_t
DownlinkEarfcn(double frequency_mhz)
{
    constexpr uint32_t last_fdd = 6599;
    constexpr uint32_t uplink_offset = 18000;
    for (uint32_t earfcn = 0; earfcn <= last_fdd; ++earfcn)
    {
        const double hertz = ns3::LteSpectrumValueHelper::GetDownlinkCarrierFrequency(earfcn);
        if (std::abs(hertz - frequency_mhz * 1e6) < 1e3 &&
            ns3::LteSpectrumValueHelper::GetUplinkCarrierFrequency(earfcn + uplink_offset) > 0)
        {
            return earfcn;
        }
    }
    throw Refused("no LTE downlink channel at " + std::to_string(frequency_mhz) +
                  " MHz; ns-3 needs a frequency of an FDD band on its 0.1 MHz raster, such as 2120");
}

/// Puts ns-3 into the state of a fresh process.
inline void
ResetNs3()
{
    using namespace ns3;
    Simulator::Destroy();
    ns3::Config::Reset();
    RngSeedManager::ResetNextStreamIndex();
    Ipv4AddressGenerator::Reset();
    Mac48Address::ResetAllocationIndex();
    Simulator::SetScheduler(ObjectFactory("ns3::PriorityQueueScheduler"));
}

/// Default attributes of everything that is built from now on.
inline void
SetDefaults(const Config& config)
{
    using namespace ns3;
    RngSeedManager::SetSeed(1);
    RngSeedManager::SetRun(config.seed);
    const auto set = [](const char* name, const AttributeValue& value) {
        ns3::Config::SetDefault(name, value);
    };
    set("ns3::LteRlcUm::MaxTxBufferSize",
        UintegerValue(static_cast<uint64_t>(config.rlc_buffer_bytes)));
    // discarding fires TxDrop yet still sends the packet
    set("ns3::LteRlcUm::EnablePdcpDiscarding", BooleanValue(false));
    // three HARQ retransmissions of 8 ms each have to fit
    set("ns3::LteRlcUm::ReorderingTimer", TimeValue(MilliSeconds(40)));
    // RLC AM asserts under starvation
    set("ns3::LteEnbRrc::EpsBearerToRlcMapping", EnumValue(LteEnbRrc::RLC_UM_ALWAYS));
    set("ns3::LteEnbRrc::SrsPeriodicity", UintegerValue(320));
    // index 2 is transmission mode 3, open-loop spatial multiplexing
    set("ns3::LteEnbRrc::DefaultTransmissionMode", UintegerValue(config.layers == 2 ? 2 : 0));
    set("ns3::LteUePhy::NoiseFigure", DoubleValue(config.noise_figure_db));
    set("ns3::LteUePhy::TxPower", DoubleValue(23));
    set("ns3::LteUePhy::EnableRlfDetection", BooleanValue(false));
    set("ns3::LteUePhy::RsrpSinrSamplePeriod", UintegerValue(5));
    set("ns3::LteUePhy::DownlinkCqiPeriodicity", TimeValue(MilliSeconds(config.cqi_period_ms)));
    set("ns3::LteHelper::UseIdealRrc", BooleanValue(true));
    set("ns3::LteHelper::AnrEnabled", BooleanValue(false));
    // ns-3 does not adapt the control channel to the link (aggregation levels), so its error
    // model cuts off users at the cell edge whom the data channel would still reach
    set("ns3::LteSpectrumPhy::CtrlErrorModelEnabled", BooleanValue(false));
    // CQI from reference signals, which all cells always send. From the data channel it would see
    // no interference whenever the own cell is silent, and bursty users would lose blocks
    set("ns3::LteHelper::UsePdschForCqiGeneration", BooleanValue(false));
    set("ns3::LteAmc::AmcModel",
        EnumValue(config.piro ? LteAmc::PiroEW2010 : LteAmc::MiErrorModel));
}

} // namespace sixgym

#endif
