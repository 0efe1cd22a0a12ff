// ns-3's proportional fair scheduler behind an RBG mask, and its place in a cell's scheduler.
#ifndef SIXGYM_INNER_SCHEDULER_H
#define SIXGYM_INNER_SCHEDULER_H

#include "ns3/lte-fr-no-op-algorithm.h"
#include "ns3/pf-ff-mac-scheduler.h"

#include <functional>
#include <vector>

namespace sixgym
{

/// Tells an inner scheduler which RBGs it may use, and for which user each of them is.
class MaskFfr : public ns3::LteFrNoOpAlgorithm
{
  public:
    void Block(std::size_t rbgs)
    {
        blocked.assign(rbgs, true);
        chosen.assign(rbgs, 0);
    }

    std::vector<bool> blocked;
    std::vector<uint16_t> chosen;

  private:
    std::vector<bool> DoGetAvailableDlRbg() override
    {
        return blocked;
    }

    bool DoIsDlRbgAvailableForUe(int rbg, uint16_t rnti) override
    {
        return chosen[static_cast<std::size_t>(rbg)] == rnti;
    }
};

/// One stock scheduler. What it decides goes to a function; it speaks to the MAC only through that.
class InnerScheduler
{
  public:
    using Decision = ns3::FfMacSchedSapUser::SchedDlConfigIndParameters;
    using OnDecision = std::function<void(const Decision&)>;

    /// `uplink` and `csched` get its uplink grants and confirmations; both may be null.
    InnerScheduler(OnDecision on_decision,
                   ns3::FfMacSchedSapUser* const* uplink,
                   ns3::FfMacCschedSapUser* const* csched)
        : sched_user_(std::move(on_decision), uplink),
          csched_user_(csched)
    {
        scheduler_->SetLteFfrSapProvider(mask->GetLteFfrSapProvider());
        mask->SetLteFfrSapUser(scheduler_->GetLteFfrSapUser());
        scheduler_->SetFfMacSchedSapUser(&sched_user_);
        scheduler_->SetFfMacCschedSapUser(&csched_user_);
    }

    ~InnerScheduler()
    {
        scheduler_->Dispose();
        mask->Dispose();
    }

    InnerScheduler(const InnerScheduler&) = delete;
    InnerScheduler& operator=(const InnerScheduler&) = delete;

    ns3::FfMacSchedSapProvider& Sched()
    {
        return *scheduler_->GetFfMacSchedSapProvider();
    }

    ns3::FfMacCschedSapProvider& Csched()
    {
        return *scheduler_->GetFfMacCschedSapProvider();
    }

    /// All RBGs stay blocked until the mask is changed.
    void Configure(const ns3::FfMacCschedSapProvider::CschedCellConfigReqParameters& params,
                   std::size_t rbgs)
    {
        mask->SetDlBandwidth(params.m_dlBandwidth);
        mask->SetUlBandwidth(params.m_ulBandwidth);
        mask->Block(rbgs);
        Csched().CschedCellConfigReq(params);
    }

    const ns3::Ptr<MaskFfr> mask = ns3::CreateObject<MaskFfr>();

  private:
    class SchedUser : public ns3::FfMacSchedSapUser
    {
      public:
        SchedUser(OnDecision on_decision, ns3::FfMacSchedSapUser* const* uplink)
            : on_decision_(std::move(on_decision)),
              uplink_(uplink)
        {
        }

        void SchedDlConfigInd(const SchedDlConfigIndParameters& params) override
        {
            on_decision_(params);
        }

        void SchedUlConfigInd(const SchedUlConfigIndParameters& params) override
        {
            if (uplink_ != nullptr)
            {
                (*uplink_)->SchedUlConfigInd(params);
            }
        }

      private:
        OnDecision on_decision_;
        ns3::FfMacSchedSapUser* const* uplink_;
    };

    class CschedUser : public ns3::FfMacCschedSapUser
    {
      public:
        explicit CschedUser(ns3::FfMacCschedSapUser* const* next)
            : next_(next)
        {
        }

        void CschedCellConfigCnf(const CschedCellConfigCnfParameters& params) override
        {
            Pass(&FfMacCschedSapUser::CschedCellConfigCnf, params);
        }

        void CschedUeConfigCnf(const CschedUeConfigCnfParameters& params) override
        {
            Pass(&FfMacCschedSapUser::CschedUeConfigCnf, params);
        }

        void CschedLcConfigCnf(const CschedLcConfigCnfParameters& params) override
        {
            Pass(&FfMacCschedSapUser::CschedLcConfigCnf, params);
        }

        void CschedLcReleaseCnf(const CschedLcReleaseCnfParameters& params) override
        {
            Pass(&FfMacCschedSapUser::CschedLcReleaseCnf, params);
        }

        void CschedUeReleaseCnf(const CschedUeReleaseCnfParameters& params) override
        {
            Pass(&FfMacCschedSapUser::CschedUeReleaseCnf, params);
        }

        void CschedUeConfigUpdateInd(const CschedUeConfigUpdateIndParameters& params) override
        {
            Pass(&FfMacCschedSapUser::CschedUeConfigUpdateInd, params);
        }

        void CschedCellConfigUpdateInd(const CschedCellConfigUpdateIndParameters& params) override
        {
            Pass(&FfMacCschedSapUser::CschedCellConfigUpdateInd, params);
        }

      private:
        template <typename Method, typename Params>
        void Pass(Method method, const Params& params)
        {
            if (next_ != nullptr)
            {
                ((*next_)->*method)(params);
            }
        }

        ns3::FfMacCschedSapUser* const* next_;
    };

    SchedUser sched_user_;
    CschedUser csched_user_;
    ns3::Ptr<ns3::PfFfMacScheduler> scheduler_ = ns3::CreateObject<ns3::PfFfMacScheduler>();
};

} // namespace sixgym

#endif
