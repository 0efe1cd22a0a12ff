// Measurements of packets: the figures of sixgym.domain.measurement.PacketFlow.
#ifndef SIXGYM_METER_H
#define SIXGYM_METER_H

#include "text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <vector>

namespace sixgym
{

/// Packets of one device, or of several devices together, during one interval.
struct Flow
{
    int64_t sent = 0;
    int64_t delivered = 0;
    int64_t lost = 0;
    int64_t late = 0;
    int64_t dropped = 0;
    int64_t sent_bytes = 0;
    int64_t delivered_bytes = 0;
    int64_t dropped_bytes = 0;
    double jitter_sum_ms = 0;
    int64_t jitter_count = 0;
    double oldest_age_ms = 0; // of a packet still waiting
    std::vector<float> delays_ms;

    void Add(const Flow& other)
    {
        sent += other.sent;
        delivered += other.delivered;
        lost += other.lost;
        late += other.late;
        dropped += other.dropped;
        sent_bytes += other.sent_bytes;
        delivered_bytes += other.delivered_bytes;
        dropped_bytes += other.dropped_bytes;
        jitter_sum_ms += other.jitter_sum_ms;
        jitter_count += other.jitter_count;
        oldest_age_ms = std::max(oldest_age_ms, other.oldest_age_ms);
        delays_ms.insert(delays_ms.end(), other.delays_ms.begin(), other.delays_ms.end());
    }

    /// Empties it, but keeps the memory.
    void Clear()
    {
        std::vector<float> delays = std::move(delays_ms);
        delays.clear();
        *this = {};
        delays_ms = std::move(delays);
    }

    void Write(Json& json, double interval_ms)
    {
        double mean = oldest_age_ms;
        double p95 = oldest_age_ms;
        double longest = oldest_age_ms;
        if (!delays_ms.empty())
        {
            double sum = 0;
            for (const float delay : delays_ms)
            {
                sum += delay;
            }
            mean = sum / static_cast<double>(delays_ms.size());
            longest = *std::max_element(delays_ms.begin(), delays_ms.end());
            const std::size_t rank = (delays_ms.size() * 95 + 99) / 100 - 1; // nearest rank
            const auto at = delays_ms.begin() + static_cast<std::ptrdiff_t>(rank);
            std::nth_element(delays_ms.begin(), at, delays_ms.end());
            p95 = *at;
        }
        const auto settled = static_cast<double>(lost + delivered);
        json.Open('{')
            .Field("sent_packets", sent)
            .Field("delivered_packets", delivered)
            .Field("lost_packets", lost)
            .Field("late_packets", late)
            .Field("dropped_packets", dropped)
            .Field("sent_bytes", sent_bytes)
            .Field("delivered_bytes", delivered_bytes)
            .Field("dropped_bytes", dropped_bytes)
            .Field("latency_ms", mean)
            .Field("latency_p95_ms", p95)
            .Field("latency_max_ms", longest)
            .Field("jitter_ms", jitter_count ? jitter_sum_ms / static_cast<double>(jitter_count) : 0.0)
            .Field("loss_ratio", settled > 0 ? static_cast<double>(lost) / settled : 0.0)
            .Field("throughput_mbps", static_cast<double>(delivered_bytes) * 8 / (interval_ms * 1e3))
            .Close('}');
    }

    /// Delivered packets by delay, in the bins of sixgym.domain.measurement.DELAY_BIN_EDGES_MS.
    void WriteDelayHistogram(Json& json) const
    {
        constexpr int BINS_PER_DECADE = 40;
        constexpr int DECADES = 3; // from 1 ms
        std::array<int64_t, BINS_PER_DECADE * DECADES + 2> counts{}; // the first and last are open
        for (const float delay : delays_ms)
        {
            const double bin = std::floor(BINS_PER_DECADE * std::log10(std::max(delay, 1e-3F))) + 1;
            ++counts[static_cast<std::size_t>(std::clamp(bin, 0.0, counts.size() - 1.0))];
        }
        json.Open('[');
        for (const int64_t count : counts)
        {
            json.Value(count);
        }
        json.Close(']');
    }
};

/// Follows every downlink packet of a device from server to device. Times are in ns.
class Meter
{
  public:
    Flow flow;

    /// A packet leaves the server; returns its sequence number.
    uint32_t Sent(int64_t now, int bytes)
    {
        ++flow.sent;
        flow.sent_bytes += bytes;
        waiting_.push_back({next_, now});
        return next_++;
    }

    /// A packet reached the device. What it overtook is lost; so is the packet itself if it is
    /// older than the timeout. A packet that was declared lost before does not count again.
    void Received(uint32_t sequence, int bytes, int64_t now, double max_latency_ms, int64_t timeout)
    {
        Expire(now, timeout);
        while (!waiting_.empty() && waiting_.front().sequence < sequence)
        {
            ++flow.lost;
            waiting_.pop_front();
        }
        if (waiting_.empty() || waiting_.front().sequence != sequence)
        {
            return;
        }
        const double delay_ms = static_cast<double>(now - waiting_.front().sent) * 1e-6;
        waiting_.pop_front();
        ++flow.delivered;
        flow.delivered_bytes += bytes;
        flow.late += delay_ms > max_latency_ms;
        flow.delays_ms.push_back(static_cast<float>(delay_ms));
        if (last_delay_ms_ >= 0)
        {
            flow.jitter_sum_ms += std::abs(delay_ms - last_delay_ms_);
            ++flow.jitter_count;
        }
        last_delay_ms_ = delay_ms;
    }

    void Dropped(int bytes)
    {
        ++flow.dropped;
        flow.dropped_bytes += bytes;
    }

    /// Settles the interval that ends now.
    void Settle(int64_t now, int64_t timeout)
    {
        Expire(now, timeout);
        flow.oldest_age_ms =
            waiting_.empty() ? 0 : static_cast<double>(now - waiting_.front().sent) * 1e-6;
    }

  private:
    struct Packet
    {
        uint32_t sequence;
        int64_t sent;
    };

    void Expire(int64_t now, int64_t timeout)
    {
        while (!waiting_.empty() && now - waiting_.front().sent > timeout)
        {
            ++flow.lost;
            waiting_.pop_front();
        }
    }

    uint32_t next_ = 0;
    double last_delay_ms_ = -1;
    std::deque<Packet> waiting_;
};

} // namespace sixgym

#endif
