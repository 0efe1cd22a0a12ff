// The field as an ns-3 propagation model, and ns-3's own models to compare it with.
#ifndef SIXGYM_PROPAGATION_H
#define SIXGYM_PROPAGATION_H

#include "radio/place.h"
#include "text.h"

#include "ns3/boolean.h"
#include "ns3/channel-condition-model.h"
#include "ns3/node-container.h"
#include "ns3/three-gpp-propagation-loss-model.h"

namespace sixgym
{

/// Path gain of a (transmitter, device) pair from the field; computed again only after the device
/// moved. Downlink and uplink share it.
class FieldLoss : public ns3::PropagationLossModel
{
  public:
    /// A small step beside the 10 m over which shadowing changes (TR 38.901 table 7.5-6); chosen.
    static constexpr double STALE_AFTER_M = 0.25;

    static ns3::TypeId GetTypeId()
    {
        static ns3::TypeId id = ns3::TypeId("sixgym::FieldLoss")
                                    .SetParent<ns3::PropagationLossModel>()
                                    .AddConstructor<FieldLoss>();
        return id;
    }

    /// `emitters` is kept and may grow.
    void Configure(const Environment& environment, const std::vector<Emitter>* emitters)
    {
        environment_ = environment;
        emitters_ = emitters;
    }

  private:
    struct Link
    {
        Point point{1e9, 1e9, 1e9};
        double gain_db = 0;
    };

    double DoCalcRxPower(double tx_dbm,
                         ns3::Ptr<ns3::MobilityModel> a,
                         ns3::Ptr<ns3::MobilityModel> b) const override
    {
        const auto* transmitter = static_cast<const Place*>(ns3::PeekPointer(a));
        const auto* receiver = static_cast<const Place*>(ns3::PeekPointer(b));
        if (!transmitter->IsEmitter())
        {
            std::swap(transmitter, receiver);
        }
        return tx_dbm + Gain(transmitter->Index(), receiver->Index(), receiver->Here());
    }

    double Gain(std::size_t emitter, std::size_t device, const Point& point) const
    {
        if (emitter >= links_.size())
        {
            links_.resize(emitter + 1);
        }
        if (device >= links_[emitter].size())
        {
            links_[emitter].resize(device + 1);
        }
        Link& link = links_[emitter][device];
        if (Distance(link.point, point) > STALE_AFTER_M)
        {
            link.point = point;
            link.gain_db = PathGainDb((*emitters_)[emitter], point, environment_);
        }
        return link.gain_db;
    }

    int64_t DoAssignStreams(int64_t) override
    {
        return 0;
    }

    Environment environment_;
    const std::vector<Emitter>* emitters_ = nullptr;
    mutable std::vector<std::vector<Link>> links_;
};

/// Median path loss in dB by ns-3's implementation of TR 38.901: MODEL LOS D2 BASE HEIGHT MHZ.
inline double
ReferencePathLossDb(Words& words)
{
    using namespace ns3;
    const bool urban_macro = words.Word() == "UMa";
    const bool los = words.Integer() != 0;
    const double d2 = words.Number();
    const double base = words.Number();
    const double height = words.Number();
    const double hertz = words.Number() * 1e6;
    Ptr<ThreeGppPropagationLossModel> model;
    if (urban_macro)
    {
        model = CreateObject<ThreeGppUmaPropagationLossModel>();
    }
    else
    {
        model = CreateObject<ThreeGppUmiStreetCanyonPropagationLossModel>();
    }
    model->SetAttribute("ShadowingEnabled", BooleanValue(false));
    model->SetFrequency(hertz);
    if (los)
    {
        model->SetChannelConditionModel(CreateObject<AlwaysLosChannelConditionModel>());
    }
    else
    {
        model->SetChannelConditionModel(CreateObject<NeverLosChannelConditionModel>());
    }
    NodeContainer nodes(2);
    nodes.Get(0)->AggregateObject(Place::Of(true, 0, {0, 0, base}));
    nodes.Get(1)->AggregateObject(Place::Of(false, 0, {d2, 0, height}));
    return -model->CalcRxPower(0,
                               nodes.Get(0)->GetObject<MobilityModel>(),
                               nodes.Get(1)->GetObject<MobilityModel>());
}

} // namespace sixgym

#endif
