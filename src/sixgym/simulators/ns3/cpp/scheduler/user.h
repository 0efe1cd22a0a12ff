// State of a cell's users in its scheduler.
#ifndef SIXGYM_USER_H
#define SIXGYM_USER_H

#include "ns3/ff-mac-csched-sap.h"
#include "ns3/ff-mac-sched-sap.h"
#include "ns3/ff-mac-scheduler.h"
#include "ns3/lte-amc.h"
#include "ns3/lte-common.h"

#include <array>
#include <map>
#include <vector>

namespace sixgym
{

using Feedback = ns3::DlInfoListElement_s;

/// State of one user.
struct User
{
    static constexpr int UNKNOWN = -1;

    /// The last transmission of a HARQ process.
    struct Process
    {
        uint64_t tti = 0;
        uint32_t rbgs = 0; // bitmap of the first transmission, which the inner scheduler keeps
        uint8_t redundancy_version = 0;
        bool busy = false;
    };

    uint16_t rnti = 0;
    int slice = UNKNOWN;
    ns3::FfMacCschedSapProvider::CschedUeConfigReqParameters config;
    std::vector<ns3::FfMacCschedSapProvider::CschedLcConfigReqParameters> channels;
    /// Last RLC report by logical channel, less what has been served since.
    std::map<uint8_t, ns3::FfMacSchedSapProvider::SchedDlRlcBufferReqParameters> buffers;
    std::vector<std::array<uint8_t, 2>> cqi; // by RBG and layer; empty before the first report
    double bytes_per_rbg = 0;                // at the reported CQI, mean over RBGs
    double average = 1;                      // bytes per s, window of 99 TTIs
    uint32_t served_bytes = 0;               // in this TTI
    uint64_t hold_until = 0;                 // TTI
    std::array<Process, ns3::HARQ_PROC_NUM> processes{};

    int64_t deaf_since_ms = -1; // -1: its last report was above CQI 0

    /// A report of channel quality; `hears` is false if it says CQI 0 on every RBG.
    void NoteReport(bool hears, int64_t now_ms)
    {
        deaf_since_ms = hears ? -1 : deaf_since_ms < 0 ? now_ms : deaf_since_ms;
    }

    /// Out of coverage for so long that nothing is sent to it. One report of CQI 0 is a fading dip
    /// and is served with the lowest MCS; but sending on to a device that hears nothing takes PRBs
    /// from its slice, and after 512 lost PDUs the RLC receiver (TS 36.322 clause 5.1.2.2, 10-bit
    /// numbers) takes new ones for old and discards them for seconds after the device is back.
    bool IsDeaf(int64_t now_ms) const
    {
        return deaf_since_ms >= 0 && now_ms - deaf_since_ms > 100;
    }

    uint32_t Waiting() const
    {
        uint32_t bytes = 0;
        for (const auto& [channel, report] : buffers)
        {
            bytes += report.m_rlcTransmissionQueueSize + report.m_rlcRetransmissionQueueSize +
                     report.m_rlcStatusPduSize;
        }
        return bytes;
    }

    int Layers() const
    {
        return ns3::TransmissionModesLayers::TxMode2LayerNum(config.m_transmissionMode);
    }

    /// The scheduler frees a process without feedback after HARQ_DL_TIMEOUT.
    bool HasFreeProcess(uint64_t tti) const
    {
        for (const Process& process : processes)
        {
            if (!process.busy || tti > process.tti + ns3::HARQ_DL_TIMEOUT)
            {
                return true;
            }
        }
        return false;
    }

    bool HasTransmissionsInFlight(uint64_t tti) const
    {
        for (const Process& process : processes)
        {
            if (process.busy && tti <= process.tti + ns3::HARQ_DL_TIMEOUT)
            {
                return true;
            }
        }
        return false;
    }
};

/// Size of transport blocks by CQI, from ns-3's AMC tables.
class BlockSizes
{
  public:
    explicit BlockSizes(int rbg_prbs)
        : rbg_prbs_(rbg_prbs)
    {
    }

    /// Bytes that one layer carries on that many RBGs; CQI 0 means out of range.
    uint32_t Bytes(uint8_t cqi, int rbgs)
    {
        if (cqi == 0 || rbgs == 0)
        {
            return 0;
        }
        uint32_t& bytes = cache_[static_cast<std::size_t>(rbgs)][cqi];
        if (bytes == 0)
        {
            bytes = static_cast<uint32_t>(
                amc_->GetDlTbSizeFromMcs(amc_->GetMcsFromCqi(cqi), rbgs * rbg_prbs_) / 8);
        }
        return bytes;
    }

  private:
    int rbg_prbs_;
    ns3::Ptr<ns3::LteAmc> amc_ = ns3::CreateObject<ns3::LteAmc>();
    std::array<std::array<uint32_t, 16>, 33> cache_{};
};

} // namespace sixgym

#endif
