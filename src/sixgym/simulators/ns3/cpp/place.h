// Where a node is: fixed, or flying waypoints at a constant speed and then hovering.
#ifndef SIXGYM_PLACE_H
#define SIXGYM_PLACE_H

#include "field.h"

#include "ns3/core-module.h"
#include "ns3/mobility-module.h"

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
        place->legs_ = {{point, point, 0, 0}};
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

    /// Flies from here through the waypoints, then hovers.
    void Fly(const std::vector<Point>& waypoints, double speed_mps)
    {
        Point from = Here();
        double start = ns3::Simulator::Now().GetSeconds();
        legs_.clear();
        for (const Point& to : waypoints)
        {
            const double end = start + Distance(from, to) / speed_mps;
            legs_.push_back({from, to, start, end});
            from = to;
            start = end;
        }
        if (legs_.empty())
        {
            legs_.push_back({from, from, start, start});
        }
        leg_ = 0;
    }

    Point Here() const
    {
        const double now = ns3::Simulator::Now().GetSeconds();
        while (leg_ + 1 < legs_.size() && now >= legs_[leg_].end_s)
        {
            ++leg_;
        }
        const Leg& leg = legs_[leg_];
        if (now >= leg.end_s)
        {
            return leg.to;
        }
        const double share = (now - leg.start_s) / (leg.end_s - leg.start_s);
        return {leg.from.x + share * (leg.to.x - leg.from.x),
                leg.from.y + share * (leg.to.y - leg.from.y),
                leg.from.z + share * (leg.to.z - leg.from.z)};
    }

  private:
    struct Leg
    {
        Point from;
        Point to;
        double start_s;
        double end_s;
    };

    ns3::Vector DoGetPosition() const override
    {
        const Point here = Here();
        return {here.x, here.y, here.z};
    }

    void DoSetPosition(const ns3::Vector& position) override
    {
        const Point point{position.x, position.y, position.z};
        legs_ = {{point, point, 0, 0}};
        leg_ = 0;
    }

    ns3::Vector DoGetVelocity() const override
    {
        const double now = ns3::Simulator::Now().GetSeconds();
        const Leg& leg = legs_[leg_];
        if (now >= leg.end_s)
        {
            return {0, 0, 0};
        }
        const double per_s = 1 / (leg.end_s - leg.start_s);
        return {(leg.to.x - leg.from.x) * per_s,
                (leg.to.y - leg.from.y) * per_s,
                (leg.to.z - leg.from.z) * per_s};
    }

    bool is_emitter_ = false;
    std::size_t index_ = 0;
    std::vector<Leg> legs_{{}};
    mutable std::size_t leg_ = 0;
};

} // namespace sixgym

#endif
