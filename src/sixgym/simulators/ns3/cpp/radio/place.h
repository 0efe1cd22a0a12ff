// Where a node is: fixed, or flying waypoints at a constant speed and then hovering.
#ifndef SIXGYM_PLACE_H
#define SIXGYM_PLACE_H

#include "radio/field.h"

#include "ns3/mobility-model.h"
#include "ns3/simulator.h"

#include <vector>

namespace sixgym
{

/// Mobility model of every node with a radio. Emitters (cells, interferers) and devices are
/// numbered apart, so that a link is a pair of small integers.
class Place : public ns3::MobilityModel
{
  public:
    static ns3::TypeId GetTypeId()
    {
        static ns3::TypeId id =
            ns3::TypeId("sixgym::Place").SetParent<ns3::MobilityModel>().AddConstructor<Place>();
        return id;
    }

    static ns3::Ptr<Place> Of(bool is_emitter, std::size_t index, const Point& point)
    {
        auto place = ns3::CreateObject<Place>();
        place->is_emitter_ = is_emitter;
        place->index_ = index;
        place->Stay(point);
        return place;
    }

    bool IsEmitter() const
    {
        return is_emitter_;
    }

    std::size_t Index() const
    {
        return index_;
    }

    /// Flies from here through the waypoints, then hovers. Waits until `start_ns` before it leaves.
    void Fly(const std::vector<Point>& waypoints, double speed_mps, double start_ns = 0)
    {
        Point from = Here();
        double start = std::max(Now(), start_ns);
        legs_.clear();
        leg_ = 0;
        for (const Point& to : waypoints)
        {
            const double end = start + Distance(from, to) / speed_mps * 1e9;
            legs_.push_back({from, to, start, end});
            from = to;
            start = end;
        }
        if (legs_.empty())
        {
            Stay(from);
        }
    }

    Point Here() const
    {
        if (legs_.back().end_ns == 0)
        {
            return legs_.back().to; // the common case: it never moved
        }
        const double now = Now();
        const Leg& leg = LegAt(now);
        if (now >= leg.end_ns)
        {
            return leg.to;
        }
        const double share =
            std::max(0.0, (now - leg.start_ns) / (leg.end_ns - leg.start_ns));
        return {leg.from.x + share * (leg.to.x - leg.from.x),
                leg.from.y + share * (leg.to.y - leg.from.y),
                leg.from.z + share * (leg.to.z - leg.from.z)};
    }

  private:
    struct Leg
    {
        Point from;
        Point to;
        double start_ns;
        double end_ns;
    };

    /// Nanoseconds, ns-3's time step; cheaper than a conversion to seconds.
    static double Now()
    {
        return static_cast<double>(ns3::Simulator::Now().GetTimeStep());
    }

    const Leg& LegAt(double now) const
    {
        while (leg_ + 1 < legs_.size() && now >= legs_[leg_].end_ns)
        {
            ++leg_;
        }
        return legs_[leg_];
    }

    void Stay(const Point& point)
    {
        legs_ = {{point, point, 0, 0}};
        leg_ = 0;
    }

    ns3::Vector DoGetPosition() const override
    {
        const Point here = Here();
        return {here.x, here.y, here.z};
    }

    void DoSetPosition(const ns3::Vector& position) override
    {
        Stay({position.x, position.y, position.z});
    }

    ns3::Vector DoGetVelocity() const override
    {
        const double now = Now();
        const Leg& leg = LegAt(now);
        if (now >= leg.end_ns || now < leg.start_ns)
        {
            return {0, 0, 0};
        }
        const double per_s = 1e9 / (leg.end_ns - leg.start_ns);
        return {(leg.to.x - leg.from.x) * per_s,
                (leg.to.y - leg.from.y) * per_s,
                (leg.to.z - leg.from.z) * per_s};
    }

    bool is_emitter_ = false;
    std::size_t index_ = 0;
    std::vector<Leg> legs_ = std::vector<Leg>(1);
    mutable std::size_t leg_ = 0;
};

} // namespace sixgym

#endif
