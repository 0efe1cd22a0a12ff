// Owner of every resource block group (RBG) of a cell in one TTI.
#ifndef SIXGYM_SHARES_H
#define SIXGYM_SHARES_H

#include "config/config.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace sixgym
{

/// RBG size of resource allocation type 0, TS 36.213 table 7.1.6.1-1.
inline int
RbgSize(int prbs)
{
    return prbs <= 10 ? 1 : prbs <= 26 ? 2 : prbs <= 63 ? 3 : 4;
}

/// Turns RRM policy ratios into RBG owners, TTI by TTI.
///
/// Every slice has a contiguous band of `minimum` of the RBGs. A band's edge that falls inside an
/// RBG is time-shared: the edge is rounded with an offset that runs through a permutation of 100
/// values, so that the mean over 100 TTIs is exact for whole percentages. What a slice does not
/// demand of its band above `dedicated`, and what no band covers, is lent for this TTI to slices
/// that demand more than theirs, up to `maximum`, in proportion to their `minimum`.
class Shares
{
  public:
    static constexpr int UNOWNED = -1;

    void Configure(int rbgs, std::vector<Policy> policies)
    {
        rbgs_ = rbgs;
        credit_.assign(policies.size(), 0.0);
        SetPolicies(std::move(policies));
    }

    void SetPolicies(std::vector<Policy> policies)
    {
        policies_ = std::move(policies);
        fixed_ = std::all_of(policies_.begin(), policies_.end(), [](const Policy& policy) {
            return policy.dedicated == policy.maximum;
        });
    }

    /// Whether owners depend on demand.
    bool Lends() const
    {
        return !fixed_;
    }

    /// Owners by RBG for the next TTI; `demand` is in RBGs by slice.
    const std::vector<int>& Next(const std::vector<int>& demand)
    {
        const double offset = (static_cast<double>(tick_) + 0.5) / PERIOD;
        tick_ = (tick_ + STRIDE) % PERIOD;
        owners_.assign(static_cast<std::size_t>(rbgs_), UNOWNED);
        std::vector<Band>& bands = PlaceBands(offset);
        if (!fixed_)
        {
            Lend(bands, demand);
        }
        return owners_;
    }

  private:
    static constexpr uint32_t PERIOD = 100;
    static constexpr uint32_t STRIDE = 61; // coprime to the period, near the golden ratio

    struct Band
    {
        int dedicated = 0; // never lent
        int owned = 0;
        int ceiling = 0;
        int first = 0;
        int lacks = 0; // RBGs that the slice may use and needs beyond its own
    };

    std::vector<Band>& PlaceBands(double offset)
    {
        bands_.resize(policies_.size());
        double edge = 0;
        for (std::size_t slice = 0; slice < policies_.size(); ++slice)
        {
            const Policy& policy = policies_[slice];
            Band& band = bands_[slice];
            // 1e-9: a sum of percentages may fall a hair below the edge it means
            const auto round = [&](double share) {
                return static_cast<int>(std::floor((edge + share) * rbgs_ + offset + 1e-9));
            };
            band.first = round(0);
            band.dedicated = round(policy.dedicated) - band.first;
            band.owned = std::min(round(policy.minimum), rbgs_) - band.first;
            band.ceiling = round(policy.maximum) - band.first;
            std::fill_n(owners_.begin() + band.first, band.owned, static_cast<int>(slice));
            edge += policy.minimum;
        }
        return bands_;
    }

    void Lend(std::vector<Band>& bands, const std::vector<int>& demand)
    {
        for (Band& band : bands)
        {
            const auto slice = static_cast<std::size_t>(&band - bands.data());
            const int keeps = std::max(band.dedicated, std::min(band.owned, demand[slice]));
            band.lacks = std::min(band.ceiling, demand[slice]) - band.owned;
            for (int rbg = band.first + keeps; rbg < band.first + band.owned; ++rbg)
            {
                spare_.push_back(rbg);
            }
        }
        for (int rbg = 0; rbg < rbgs_; ++rbg)
        {
            if (owners_[static_cast<std::size_t>(rbg)] == UNOWNED)
            {
                spare_.push_back(rbg);
            }
        }
        for (const int rbg : spare_)
        {
            const int borrower = NextBorrower(bands);
            if (borrower == UNOWNED)
            {
                break;
            }
            owners_[static_cast<std::size_t>(rbg)] = borrower;
            --bands[static_cast<std::size_t>(borrower)].lacks;
        }
        spare_.clear();
    }

    /// Weighted round robin over the slices that lack RBGs.
    int NextBorrower(const std::vector<Band>& bands)
    {
        double total = 0;
        int best = UNOWNED;
        for (std::size_t slice = 0; slice < bands.size(); ++slice)
        {
            if (bands[slice].lacks <= 0)
            {
                continue;
            }
            const double weight = policies_[slice].minimum + 1e-3; // min 0 still gets leftovers
            credit_[slice] += weight;
            total += weight;
            if (best == UNOWNED || credit_[slice] > credit_[static_cast<std::size_t>(best)])
            {
                best = static_cast<int>(slice);
            }
        }
        if (best != UNOWNED)
        {
            credit_[static_cast<std::size_t>(best)] -= total;
        }
        return best;
    }

    int rbgs_ = 0;
    bool fixed_ = true;
    uint32_t tick_ = 0;
    std::vector<Policy> policies_;
    std::vector<Band> bands_;
    std::vector<int> owners_;
    std::vector<int> spare_;
    std::vector<double> credit_;
};

} // namespace sixgym

#endif
