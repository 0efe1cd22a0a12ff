// The scheduler of one slice in one cell.
#ifndef SIXGYM_SLICE_SCHEDULER_H
#define SIXGYM_SLICE_SCHEDULER_H

#include "scheduler/inner_scheduler.h"
#include "scheduler/user.h"

#include <algorithm>
#include <bit>

namespace sixgym
{

/// Feeds one inner scheduler so that it only ever transmits on the RBGs it owns.
class SliceScheduler
{
  public:
    explicit SliceScheduler(InnerScheduler::OnDecision on_decision)
        : inner_(std::move(on_decision), nullptr, nullptr)
    {
    }

    InnerScheduler& Inner()
    {
        return inner_;
    }

    void Admit(const User& user)
    {
        inner_.Csched().CschedUeConfigReq(user.config);
        for (const auto& channel : user.channels)
        {
            inner_.Csched().CschedLcConfigReq(channel);
        }
        for (const auto& [channel, report] : user.buffers)
        {
            inner_.Sched().SchedDlRlcBufferReq(report);
        }
    }

    void Release(uint16_t rnti)
    {
        ns3::FfMacCschedSapProvider::CschedUeReleaseReqParameters params;
        params.m_rnti = rnti;
        inner_.Csched().CschedUeReleaseReq(params);
        std::erase_if(late_, [rnti](const Late& late) { return late.feedback.m_rnti == rnti; });
    }

    void Hear(const Feedback& feedback, const User& user)
    {
        late_.push_back({feedback, user.processes[feedback.m_harqProcessId].tti, 0});
    }

    bool HasFeedback() const
    {
        return !late_.empty();
    }

    /// RBGs that pending retransmissions need.
    int RetransmissionDemand(const std::map<uint16_t, User>& users) const
    {
        int rbgs = 0;
        for (const Late& late : late_)
        {
            const auto user = users.find(late.feedback.m_rnti);
            if (user != users.end() && IsNack(late.feedback))
            {
                rbgs += std::popcount(
                    user->second.processes[late.feedback.m_harqProcessId].rbgs);
            }
        }
        return rbgs;
    }

    /// Schedules one TTI on the RBGs that `owners` gives to slice `self`.
    void Trigger(uint16_t sfn_sf,
                 uint64_t tti,
                 const std::vector<int>& owners,
                 int self,
                 std::map<uint16_t, User>& users,
                 BlockSizes& sizes)
    {
        for (std::size_t rbg = 0; rbg < owners.size(); ++rbg)
        {
            inner_.mask->blocked[rbg] = owners[rbg] != self;
        }
        ns3::FfMacSchedSapProvider::SchedDlTriggerReqParameters params;
        params.m_sfnSf = sfn_sf;
        taken_ = inner_.mask->blocked;
        retransmitting_.clear();
        PassFeedback(users, params.m_dlInfoList);
        Choose(tti, self, users, sizes);
        inner_.Sched().SchedDlTriggerReq(params);
    }

  private:
    /// Feedback that waits for room for its retransmission.
    struct Late
    {
        Feedback feedback;
        uint64_t tti; // of the transmission it is about
        int age;
    };

    struct Candidate
    {
        User* user;
        uint32_t need; // bytes
        std::array<uint8_t, 2> worst{15, 15};
        int layers;
        int rbgs = 0;
        bool covered = false;
    };

    // 4 TTIs: later the inner scheduler has freed the process (HARQ_DL_TIMEOUT after sending)
    static constexpr int PATIENCE = 4;
    static constexpr uint8_t LAST_REDUNDANCY_VERSION = 3; // ns-3 sends a block four times at most

    static bool IsNack(const Feedback& feedback)
    {
        return std::find(feedback.m_harqStatus.begin(),
                         feedback.m_harqStatus.end(),
                         Feedback::NACK) != feedback.m_harqStatus.end();
    }

    // The inner scheduler sends a retransmission on its first RBGs even when it finds no room for
    // it, and forgets a second NACK of a user in one TTI. Both would break the separation of slices
    // after a mask shrank. So it only hears of a NACK when the retransmission fits.
    void PassFeedback(std::map<uint16_t, User>& users, std::vector<Feedback>& passed)
    {
        pending_.swap(late_);
        late_.clear();
        for (Late& late : pending_)
        {
            User& user = users.at(late.feedback.m_rnti);
            User::Process& process = user.processes[late.feedback.m_harqProcessId];
            if (process.tti != late.tti)
            {
                continue; // the process carries something newer
            }
            if (!IsNack(late.feedback) || process.redundancy_version == LAST_REDUNDANCY_VERSION)
            {
                process.busy = false;
                passed.push_back(late.feedback);
            }
            else if (!IsRetransmitting(user.rnti) && Reserve(process.rbgs))
            {
                retransmitting_.push_back(user.rnti);
                passed.push_back(late.feedback);
            }
            else if (++late.age <= PATIENCE)
            {
                late_.push_back(late);
            }
            else
            {
                // given up: RLC loses the PDU
                late.feedback.m_harqStatus.assign(late.feedback.m_harqStatus.size(), Feedback::ACK);
                process.busy = false;
                passed.push_back(late.feedback);
            }
        }
        pending_.clear();
    }

    bool IsRetransmitting(uint16_t rnti) const
    {
        return std::find(retransmitting_.begin(), retransmitting_.end(), rnti) !=
               retransmitting_.end();
    }

    /// Takes the RBGs that the inner scheduler will pick: the same ones if all are free, else the
    /// next free ones after the last of them, wrapping around. False if there is no room.
    bool Reserve(uint32_t bitmap)
    {
        const std::size_t count = taken_.size();
        bool same = true;
        std::size_t last = 0;
        for (std::size_t rbg = 0; rbg < count; ++rbg)
        {
            if ((bitmap >> rbg) & 1U)
            {
                same = same && !taken_[rbg];
                last = rbg;
            }
        }
        if (same)
        {
            for (std::size_t rbg = 0; rbg < count; ++rbg)
            {
                taken_[rbg] = taken_[rbg] || ((bitmap >> rbg) & 1U);
            }
            return true;
        }
        int missing = std::popcount(bitmap);
        std::vector<bool> taken = taken_;
        for (std::size_t rbg = (last + 1) % count; rbg != last && missing > 0; rbg = (rbg + 1) % count)
        {
            if (!taken[rbg])
            {
                taken[rbg] = true;
                --missing;
            }
        }
        if (missing > 0)
        {
            return false;
        }
        taken_ = std::move(taken);
        return true;
    }

    // The stock scheduler gives a user every RBG on which it has the best metric even if its buffer
    // fills only one: with small packets it serves about one user per TTI whatever the bandwidth.
    // Here a user stops competing once its RBGs cover its buffer; metric and window are the same.
    void Choose(uint64_t tti, int self, std::map<uint16_t, User>& users, BlockSizes& sizes)
    {
        candidates_.clear();
        for (auto& [rnti, user] : users)
        {
            const bool heard = !user.IsDeaf(ns3::Simulator::Now().GetMilliSeconds());
            const uint32_t waiting = user.slice == self && heard ? user.Waiting() : 0;
            if (waiting > 0 && tti >= user.hold_until && user.HasFreeProcess(tti) &&
                !IsRetransmitting(rnti))
            {
                candidates_.push_back(
                    {.user = &user, .need = waiting + HEADER_BYTES, .layers = user.Layers()});
            }
        }
        for (std::size_t rbg = 0; rbg < taken_.size(); ++rbg)
        {
            inner_.mask->chosen[rbg] = 0;
            if (taken_[rbg])
            {
                continue;
            }
            if (Candidate* best = Best(rbg, sizes))
            {
                inner_.mask->chosen[rbg] = best->user->rnti;
                Give(*best, rbg, sizes);
            }
        }
    }

    Candidate* Best(std::size_t rbg, BlockSizes& sizes)
    {
        Candidate* best = nullptr;
        double best_metric = 0;
        for (Candidate& candidate : candidates_)
        {
            if (candidate.covered)
            {
                continue;
            }
            uint32_t bytes = 0;
            for (int layer = 0; layer < candidate.layers; ++layer)
            {
                bytes += sizes.Bytes(Cqi(*candidate.user, rbg, layer), 1);
            }
            const double metric = bytes / candidate.user->average;
            if (metric > best_metric)
            {
                best_metric = metric;
                best = &candidate;
            }
        }
        return best;
    }

    static void Give(Candidate& candidate, std::size_t rbg, BlockSizes& sizes)
    {
        ++candidate.rbgs;
        uint32_t bytes = 0;
        for (int layer = 0; layer < candidate.layers; ++layer)
        {
            uint8_t& worst = candidate.worst[static_cast<std::size_t>(layer)];
            worst = std::min(worst, Cqi(*candidate.user, rbg, layer));
            bytes += sizes.Bytes(worst, candidate.rbgs);
        }
        candidate.covered = bytes >= candidate.need;
    }

    /// The lowest CQI before the first report, as the inner scheduler assumes.
    static uint8_t Cqi(const User& user, std::size_t rbg, int layer)
    {
        return rbg < user.cqi.size() ? user.cqi[rbg][static_cast<std::size_t>(layer)] : 1;
    }

    static constexpr uint32_t HEADER_BYTES = 8; // RLC and MAC headers of a transport block

    InnerScheduler inner_;
    std::vector<Late> late_;
    std::vector<Late> pending_;
    std::vector<Candidate> candidates_;
    std::vector<bool> taken_; // RBGs not free for new data in this TTI
    std::vector<uint16_t> retransmitting_;
};

} // namespace sixgym

#endif
