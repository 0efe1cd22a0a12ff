// Counts PRBs, and whether every transmission stayed within the share of its slice.
#ifndef SIXGYM_PRB_METER_H
#define SIXGYM_PRB_METER_H

#include "scheduler/shares.h"

#include <utility>

namespace sixgym
{

/// PRBs in one interval. `granted` and `used` are sums over TTIs by slice.
struct PrbCount
{
    std::vector<uint64_t> granted;
    std::vector<uint64_t> used;
    uint64_t ttis = 0;
    uint64_t leaked = 0; // transmitted on without owning them, or twice in one TTI
};

class PrbMeter
{
  public:
    void Configure(std::size_t slices, int rbgs, int rbg_prbs)
    {
        rbgs_ = static_cast<std::size_t>(rbgs);
        rbg_prbs_ = static_cast<uint64_t>(rbg_prbs);
        count_ = {};
        count_.granted.assign(slices, 0);
        count_.used.assign(slices, 0);
    }

    /// A TTI begins with these owners by RBG, which have to stay until the next one.
    void BeginTti(const std::vector<int>& owners)
    {
        owners_ = &owners;
        transmitted_.assign(rbgs_, false);
        ++count_.ttis;
        for (const int owner : owners)
        {
            if (owner != Shares::UNOWNED)
            {
                count_.granted[static_cast<std::size_t>(owner)] += rbg_prbs_;
            }
        }
    }

    /// A slice transmits on these RBGs, for the first time or again.
    void Transmit(int slice, uint32_t bitmap)
    {
        for (std::size_t rbg = 0; rbg < rbgs_; ++rbg)
        {
            if (((bitmap >> rbg) & 1U) == 0)
            {
                continue;
            }
            if ((*owners_)[rbg] != slice || transmitted_[rbg])
            {
                count_.leaked += rbg_prbs_;
            }
            transmitted_[rbg] = true;
            count_.used[static_cast<std::size_t>(slice)] += rbg_prbs_;
        }
    }

    /// What was counted since the last call.
    PrbCount Take()
    {
        PrbCount fresh;
        fresh.granted.assign(count_.granted.size(), 0);
        fresh.used.assign(count_.used.size(), 0);
        return std::exchange(count_, std::move(fresh));
    }

  private:
    std::size_t rbgs_ = 0;
    uint64_t rbg_prbs_ = 1;
    const std::vector<int>* owners_ = nullptr;
    std::vector<bool> transmitted_;
    PrbCount count_;
};

} // namespace sixgym

#endif
