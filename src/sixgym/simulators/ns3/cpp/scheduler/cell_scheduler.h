// The MAC scheduler of a cell: strict PRB shares between slices, proportional fair inside each.
#ifndef SIXGYM_CELL_SCHEDULER_H
#define SIXGYM_CELL_SCHEDULER_H

#include "scheduler/prb_meter.h"
#include "scheduler/scheduler_base.h"
#include "scheduler/shares.h"
#include "scheduler/slice_scheduler.h"

#include "ns3/uinteger.h"

namespace sixgym
{

/// One inner scheduler per slice besides the uplink's. A user's downlink is known to the inner
/// scheduler of its slice alone.
class CellScheduler : public SchedulerBase
{
  public:
    using SliceOf = std::function<int(uint16_t rnti)>;

    static ns3::TypeId GetTypeId()
    {
        static ns3::TypeId id =
            ns3::TypeId("sixgym::CellScheduler")
                .SetParent<ns3::FfMacScheduler>()
                .AddConstructor<CellScheduler>()
                .AddAttribute("Slices",
                              "Number of slices",
                              ns3::UintegerValue(1),
                              ns3::MakeUintegerAccessor(&CellScheduler::slice_count_),
                              ns3::MakeUintegerChecker<uint32_t>(1));
        return id;
    }

    /// Asked once per user, when its first downlink data arrives; User::UNKNOWN to be asked again.
    void SetSliceOf(SliceOf slice_of)
    {
        slice_of_ = std::move(slice_of);
    }

    void SetPolicies(const std::vector<Policy>& policies)
    {
        shares_.SetPolicies(policies);
    }

    /// Schedules a user in another slice from the next TTI. What is in flight is not retransmitted.
    void Move(uint16_t rnti, int slice)
    {
        const auto user = users_.find(rnti);
        if (user != users_.end() && user->second.slice != slice && user->second.slice != User::UNKNOWN)
        {
            slices_[user->second.slice]->Release(rnti);
            Enter(user->second, slice);
        }
    }

    /// Bytes that wait for a user, as its RLC reported them.
    uint32_t QueueBytes(uint16_t rnti) const
    {
        const auto user = users_.find(rnti);
        return user == users_.end() ? 0 : user->second.Waiting();
    }

    PrbCount TakeCount()
    {
        return meter_.Take();
    }

    /// PRBs that can be scheduled: whole RBGs only.
    int SchedulablePrbs() const
    {
        return rbgs_ * rbg_size_;
    }

  private:
    void NotifyConstructionCompleted() override
    {
        SchedulerBase::NotifyConstructionCompleted();
        for (uint32_t slice = 0; slice < slice_count_; ++slice)
        {
            slices_.push_back(std::make_unique<SliceScheduler>(
                [this, slice](const InnerScheduler::Decision& decision) {
                    Collect(static_cast<int>(slice), decision);
                }));
        }
    }

    void DoDispose() override
    {
        slices_.clear();
        slice_of_ = nullptr;
        SchedulerBase::DoDispose();
    }

    void DoCschedCellConfigReq(const CellSetup& params) override
    {
        rbg_size_ = RbgSize(params.m_dlBandwidth);
        rbgs_ = params.m_dlBandwidth / rbg_size_;
        sizes_ = std::make_unique<BlockSizes>(rbg_size_);
        shares_.Configure(rbgs_, std::vector<Policy>(slice_count_));
        demand_.assign(slice_count_, 0);
        meter_.Configure(slice_count_, rbgs_, rbg_size_);
        Uplink().Configure(params, static_cast<std::size_t>(rbgs_));
        for (auto& slice : slices_)
        {
            slice->Inner().Configure(params, static_cast<std::size_t>(rbgs_));
        }
    }

    void DoCschedUeConfigReq(const UeConfig& params) override
    {
        User& user = users_[params.m_rnti];
        user.rnti = params.m_rnti;
        user.config = params;
        Uplink().Csched().CschedUeConfigReq(params);
        if (user.slice != User::UNKNOWN)
        {
            slices_[user.slice]->Inner().Csched().CschedUeConfigReq(params);
        }
    }

    void DoCschedLcConfigReq(const LcConfig& params) override
    {
        User& user = users_[params.m_rnti];
        user.channels.push_back(params);
        Uplink().Csched().CschedLcConfigReq(params);
        if (user.slice != User::UNKNOWN)
        {
            slices_[user.slice]->Inner().Csched().CschedLcConfigReq(params);
        }
    }

    void DoCschedLcReleaseReq(const LcRelease& params) override
    {
        const auto user = users_.find(params.m_rnti);
        if (user == users_.end())
        {
            return;
        }
        for (const uint8_t channel : params.m_logicalChannelIdentity)
        {
            user->second.buffers.erase(channel);
        }
        Uplink().Csched().CschedLcReleaseReq(params);
        if (user->second.slice != User::UNKNOWN)
        {
            slices_[user->second.slice]->Inner().Csched().CschedLcReleaseReq(params);
        }
    }

    void DoCschedUeReleaseReq(const UeRelease& params) override
    {
        const auto user = users_.find(params.m_rnti);
        if (user == users_.end())
        {
            return;
        }
        if (user->second.slice != User::UNKNOWN)
        {
            slices_[user->second.slice]->Release(params.m_rnti);
        }
        Uplink().Csched().CschedUeReleaseReq(params);
        users_.erase(user);
    }

    void DoSchedDlRlcBufferReq(const RlcBuffer& params) override
    {
        const auto user = users_.find(params.m_rnti);
        if (user == users_.end())
        {
            return;
        }
        user->second.buffers[params.m_logicalChannelIdentity] = params;
        if (user->second.slice == User::UNKNOWN)
        {
            const int slice = slice_of_ ? slice_of_(params.m_rnti) : User::UNKNOWN;
            if (slice != User::UNKNOWN)
            {
                Enter(user->second, slice);
            }
            return;
        }
        slices_[user->second.slice]->Inner().Sched().SchedDlRlcBufferReq(params);
    }

    void Enter(User& user, int slice)
    {
        user.slice = slice;
        // feedback to what the old slice sent must not reach the new one's HARQ processes
        if (user.HasTransmissionsInFlight(tti_))
        {
            user.hold_until = tti_ + ns3::HARQ_DL_TIMEOUT;
        }
        user.processes = {};
        slices_[slice]->Admit(user);
    }

    void DoSchedDlCqiInfoReq(const CqiReport& params) override
    {
        CqiReport one;
        one.m_sfnSf = params.m_sfnSf;
        for (const auto& report : params.m_cqiList)
        {
            const auto user = users_.find(report.m_rnti);
            if (report.m_cqiType != ns3::CqiListElement_s::A30 || user == users_.end())
            {
                continue;
            }
            one.m_cqiList.assign(1, report);
            Remember(user->second, one.m_cqiList[0].m_sbMeasResult);
            if (user->second.slice != User::UNKNOWN)
            {
                slices_[user->second.slice]->Inner().Sched().SchedDlCqiInfoReq(one);
            }
        }
    }

    // CQI 0 (out of range) becomes 1: the stock scheduler leaves such a user alone, but the most
    // robust MCS with HARQ still gets through a fade, and waiting for its end breaks latency bounds.
    void Remember(User& user, ns3::SbMeasResult_s& report)
    {
        const auto layers = static_cast<std::size_t>(user.Layers());
        auto& subbands = report.m_higherLayerSelected;
        user.cqi.resize(subbands.size());
        double bytes = 0;
        bool hears = false;
        for (std::size_t rbg = 0; rbg < subbands.size(); ++rbg)
        {
            subbands[rbg].m_sbCqi.resize(layers, 1); // no report on a layer counts as the lowest CQI
            for (std::size_t layer = 0; layer < layers; ++layer)
            {
                uint8_t& cqi = subbands[rbg].m_sbCqi[layer];
                hears = hears || cqi > 0;
                cqi = std::max<uint8_t>(cqi, 1);
                user.cqi[rbg][layer] = cqi;
                bytes += sizes_->Bytes(cqi, 1);
            }
        }
        user.NoteReport(hears, ns3::Simulator::Now().GetMilliSeconds());
        user.bytes_per_rbg = subbands.empty() ? 0 : bytes / static_cast<double>(subbands.size());
    }

    void DoSchedDlTriggerReq(const DlTrigger& params) override
    {
        ++tti_;
        for (const Feedback& feedback : params.m_dlInfoList)
        {
            const auto user = users_.find(feedback.m_rnti);
            if (user != users_.end() && user->second.slice != User::UNKNOWN &&
                tti_ >= user->second.hold_until)
            {
                slices_[user->second.slice]->Hear(feedback, user->second);
            }
        }
        MeasureDemand();
        owners_ = &shares_.Next(demand_);
        decision_.m_buildDataList.clear();
        decision_.m_buildRarList.clear();
        decision_.m_nrOfPdcchOfdmSymbols = 1;
        meter_.BeginTti(*owners_);
        for (std::size_t slice = 0; slice < slice_count_; ++slice)
        {
            if (demand_[slice] > 0 || slices_[slice]->HasFeedback())
            {
                slices_[slice]->Trigger(params.m_sfnSf,
                                        tti_,
                                        *owners_,
                                        static_cast<int>(slice),
                                        users_,
                                        *sizes_);
            }
        }
        DlTrigger uplink;
        uplink.m_sfnSf = params.m_sfnSf;
        Uplink().Sched().SchedDlTriggerReq(uplink);
        UpdateAverages();
        Send(decision_);
    }

    /// RBGs that every slice could fill now.
    void MeasureDemand()
    {
        for (std::size_t slice = 0; slice < slice_count_; ++slice)
        {
            demand_[slice] = slices_[slice]->RetransmissionDemand(users_);
        }
        for (auto& [rnti, user] : users_)
        {
            const uint32_t waiting =
                user.slice == User::UNKNOWN || user.IsDeaf(ns3::Simulator::Now().GetMilliSeconds())
                    ? 0
                    : user.Waiting();
            if (waiting == 0)
            {
                continue;
            }
            const double per_rbg = std::max(user.bytes_per_rbg, 1.0);
            const double rbgs = std::min(std::ceil(waiting / per_rbg), double(rbgs_));
            demand_[user.slice] = std::min(demand_[user.slice] + static_cast<int>(rbgs), rbgs_);
        }
    }

    void Collect(int slice, const InnerScheduler::Decision& decision)
    {
        for (const auto& data : decision.m_buildDataList)
        {
            meter_.Transmit(slice, data.m_dci.m_rbBitmap);
            NoteTransmission(data);
            decision_.m_buildDataList.push_back(data);
        }
    }

    void CollectResponses(const InnerScheduler::Decision& decision) override
    {
        decision_.m_buildRarList = decision.m_buildRarList;
    }

    void NoteTransmission(const ns3::BuildDataListElement_s& data)
    {
        User& user = users_.at(data.m_rnti);
        User::Process& process = user.processes[data.m_dci.m_harqProcess];
        process.tti = tti_;
        process.busy = true;
        const auto& versions = data.m_dci.m_rv;
        process.redundancy_version =
            versions.empty() ? 0 : *std::max_element(versions.begin(), versions.end());
        if (data.m_dci.m_ndi.empty() || data.m_dci.m_ndi[0] == 0)
        {
            return; // a retransmission
        }
        process.rbgs = data.m_dci.m_rbBitmap;
        for (const uint16_t bytes : data.m_dci.m_tbsSize)
        {
            user.served_bytes += bytes;
        }
        for (const auto& layers : data.m_rlcPduList)
        {
            for (const auto& pdu : layers)
            {
                Serve(user.buffers[pdu.m_logicalChannelIdentity], pdu.m_size);
            }
        }
    }

    /// Takes a PDU off a report, less its RLC header; RLC itself reports when data arrives.
    static void Serve(ns3::FfMacSchedSapProvider::SchedDlRlcBufferReqParameters& report, uint32_t bytes)
    {
        const uint32_t payload = bytes > 2 ? bytes - 2 : 0;
        const uint32_t status = std::min<uint32_t>(report.m_rlcStatusPduSize, payload);
        report.m_rlcStatusPduSize = static_cast<uint16_t>(report.m_rlcStatusPduSize - status);
        report.m_rlcTransmissionQueueSize -=
            std::min(report.m_rlcTransmissionQueueSize, payload - status);
    }

    /// Average throughput of every user, for the metric of proportional fairness.
    void UpdateAverages()
    {
        constexpr double window = 99; // TTIs, the default of the inner scheduler
        for (auto& [rnti, user] : users_)
        {
            user.average += (user.served_bytes * 1e3 - user.average) / window;
            user.average = std::max(user.average, 1.0);
            user.served_bytes = 0;
        }
    }

    uint32_t slice_count_ = 1;
    int rbg_size_ = 1;
    int rbgs_ = 0;
    uint64_t tti_ = 0;
    SliceOf slice_of_;
    Shares shares_;
    const std::vector<int>* owners_ = nullptr;
    std::vector<int> demand_;
    std::map<uint16_t, User> users_;
    std::vector<std::unique_ptr<SliceScheduler>> slices_;
    std::unique_ptr<BlockSizes> sizes_;
    PrbMeter meter_;
    InnerScheduler::Decision decision_;
};

} // namespace sixgym

#endif
