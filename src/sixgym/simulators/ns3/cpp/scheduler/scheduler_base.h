// The part of a cell's scheduler that is ns-3's interface: uplink and random access go straight to
// one stock scheduler that knows all users and owns no downlink RBG.
#ifndef SIXGYM_SCHEDULER_BASE_H
#define SIXGYM_SCHEDULER_BASE_H

#include "scheduler/inner_scheduler.h"

namespace sixgym
{

class SchedulerBase : public ns3::FfMacScheduler
{
  public:
    void SetFfMacCschedSapUser(ns3::FfMacCschedSapUser* user) override
    {
        csched_user_ = user;
    }

    void SetFfMacSchedSapUser(ns3::FfMacSchedSapUser* user) override
    {
        sched_user_ = user;
    }

    ns3::FfMacCschedSapProvider* GetFfMacCschedSapProvider() override
    {
        return &csched_;
    }

    ns3::FfMacSchedSapProvider* GetFfMacSchedSapProvider() override
    {
        return &sched_;
    }

    void SetLteFfrSapProvider(ns3::LteFfrSapProvider*) override
    {
        // every inner scheduler has a mask of its own
    }

    ns3::LteFfrSapUser* GetLteFfrSapUser() override
    {
        return &ffr_user_;
    }

  protected:
    using CellSetup = ns3::FfMacCschedSapProvider::CschedCellConfigReqParameters;
    using UeConfig = ns3::FfMacCschedSapProvider::CschedUeConfigReqParameters;
    using LcConfig = ns3::FfMacCschedSapProvider::CschedLcConfigReqParameters;
    using LcRelease = ns3::FfMacCschedSapProvider::CschedLcReleaseReqParameters;
    using UeRelease = ns3::FfMacCschedSapProvider::CschedUeReleaseReqParameters;
    using RlcBuffer = ns3::FfMacSchedSapProvider::SchedDlRlcBufferReqParameters;
    using CqiReport = ns3::FfMacSchedSapProvider::SchedDlCqiInfoReqParameters;
    using DlTrigger = ns3::FfMacSchedSapProvider::SchedDlTriggerReqParameters;

    virtual void DoCschedCellConfigReq(const CellSetup& params) = 0;
    virtual void DoCschedUeConfigReq(const UeConfig& params) = 0;
    virtual void DoCschedLcConfigReq(const LcConfig& params) = 0;
    virtual void DoCschedLcReleaseReq(const LcRelease& params) = 0;
    virtual void DoCschedUeReleaseReq(const UeRelease& params) = 0;
    virtual void DoSchedDlRlcBufferReq(const RlcBuffer& params) = 0;
    virtual void DoSchedDlCqiInfoReq(const CqiReport& params) = 0;
    virtual void DoSchedDlTriggerReq(const DlTrigger& params) = 0;

    /// What the uplink scheduler decides for the downlink: random access responses.
    virtual void CollectResponses(const InnerScheduler::Decision& decision) = 0;

    void DoDispose() override
    {
        uplink_.reset();
        FfMacScheduler::DoDispose();
    }

    InnerScheduler& Uplink()
    {
        return *uplink_;
    }

    void Send(const InnerScheduler::Decision& decision)
    {
        sched_user_->SchedDlConfigInd(decision);
    }

  private:
    friend class ns3::MemberCschedSapProvider<SchedulerBase>;
    friend class ns3::MemberSchedSapProvider<SchedulerBase>;

    void DoSchedDlPagingBufferReq(
        const ns3::FfMacSchedSapProvider::SchedDlPagingBufferReqParameters& params)
    {
        Uplink().Sched().SchedDlPagingBufferReq(params);
    }

    void DoSchedDlMacBufferReq(
        const ns3::FfMacSchedSapProvider::SchedDlMacBufferReqParameters& params)
    {
        Uplink().Sched().SchedDlMacBufferReq(params);
    }

    void DoSchedDlRachInfoReq(
        const ns3::FfMacSchedSapProvider::SchedDlRachInfoReqParameters& params)
    {
        Uplink().Sched().SchedDlRachInfoReq(params);
    }

    void DoSchedUlTriggerReq(const ns3::FfMacSchedSapProvider::SchedUlTriggerReqParameters& params)
    {
        Uplink().Sched().SchedUlTriggerReq(params);
    }

    void DoSchedUlNoiseInterferenceReq(
        const ns3::FfMacSchedSapProvider::SchedUlNoiseInterferenceReqParameters& params)
    {
        Uplink().Sched().SchedUlNoiseInterferenceReq(params);
    }

    void DoSchedUlSrInfoReq(const ns3::FfMacSchedSapProvider::SchedUlSrInfoReqParameters& params)
    {
        Uplink().Sched().SchedUlSrInfoReq(params);
    }

    void DoSchedUlMacCtrlInfoReq(
        const ns3::FfMacSchedSapProvider::SchedUlMacCtrlInfoReqParameters& params)
    {
        Uplink().Sched().SchedUlMacCtrlInfoReq(params);
    }

    void DoSchedUlCqiInfoReq(const ns3::FfMacSchedSapProvider::SchedUlCqiInfoReqParameters& params)
    {
        Uplink().Sched().SchedUlCqiInfoReq(params);
    }

    ns3::FfMacSchedSapUser* sched_user_ = nullptr;
    ns3::FfMacCschedSapUser* csched_user_ = nullptr;
    ns3::MemberCschedSapProvider<SchedulerBase> csched_{this};
    ns3::MemberSchedSapProvider<SchedulerBase> sched_{this};
    ns3::MemberLteFfrSapUser<SchedulerBase> ffr_user_{this};
    std::unique_ptr<InnerScheduler> uplink_ = std::make_unique<InnerScheduler>(
        [this](const InnerScheduler::Decision& decision) { CollectResponses(decision); },
        &sched_user_,
        &csched_user_);
};

} // namespace sixgym

#endif
