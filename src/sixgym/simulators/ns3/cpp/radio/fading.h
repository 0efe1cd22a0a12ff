// Frequency-selective fading from a table of linear power gains.
#ifndef SIXGYM_FADING_H
#define SIXGYM_FADING_H

#include "radio/place.h"
#include "text.h"

#include "ns3/rng-seed-manager.h"
#include "ns3/rng-stream.h"
#include "ns3/spectrum-propagation-loss-model.h"
#include "ns3/spectrum-signal-parameters.h"

#include <fstream>
#include <memory>
#include <unordered_map>

namespace sixgym
{

/// One period of fading: a row of float32 gains, one per PRB, for every millisecond.
struct FadingTable
{
    uint32_t prbs = 0;
    uint32_t samples = 0;
    std::vector<float> gains;

    /// File: uint32 samples, uint32 PRBs, then the gains, native byte order.
    static FadingTable Load(const std::string& path)
    {
        FadingTable table;
        std::ifstream file(path, std::ios::binary);
        file.read(reinterpret_cast<char*>(&table.samples), sizeof table.samples);
        file.read(reinterpret_cast<char*>(&table.prbs), sizeof table.prbs);
        if (!file || table.samples == 0 || table.prbs == 0)
        {
            throw Refused("cannot read the fading table " + path);
        }
        table.gains.resize(std::size_t{table.samples} * table.prbs);
        file.read(reinterpret_cast<char*>(table.gains.data()),
                  static_cast<std::streamsize>(table.gains.size() * sizeof(float)));
        if (!file)
        {
            throw Refused("the fading table " + path + " is cut short");
        }
        return table;
    }
};

/// Multiplies a received downlink spectrum by the table. Each (transmitter, receiver) pair reads it
/// from an offset of its own, drawn from a stream that depends on the pair and the seed alone.
class TableFading : public ns3::SpectrumPropagationLossModel
{
  public:
    static constexpr uint64_t FIRST_STREAM = 1'000'000;

    static ns3::TypeId GetTypeId()
    {
        static ns3::TypeId id = ns3::TypeId("sixgym::TableFading")
                                    .SetParent<ns3::SpectrumPropagationLossModel>()
                                    .AddConstructor<TableFading>();
        return id;
    }

    void Use(std::shared_ptr<const FadingTable> table)
    {
        table_ = std::move(table);
    }

  private:
    ns3::Ptr<ns3::SpectrumValue> DoCalcRxPowerSpectralDensity(
        ns3::Ptr<const ns3::SpectrumSignalParameters> params,
        ns3::Ptr<const ns3::MobilityModel> a,
        ns3::Ptr<const ns3::MobilityModel> b) const override
    {
        const auto* from = static_cast<const Place*>(ns3::PeekPointer(a));
        const auto* to = static_cast<const Place*>(ns3::PeekPointer(b));
        if (!from->IsEmitter())
        {
            // ns-3's uplink scheduler rates a device by its worst PRB and leaves it out at CQI 0, so
            // one faded PRB silences a device until the next sounding: with 25 dB of mean SNR a
            // quarter of the uplink packets was lost. Slices share the downlink; it alone fades.
            return params->psd;
        }
        const auto now_ns = static_cast<uint64_t>(ns3::Simulator::Now().GetTimeStep());
        const uint64_t row = (Offset(*from, *to) + now_ns / 1'000'000) % table_->samples;
        const float* gain = &table_->gains[row * table_->prbs];
        // the channel hands every receiver a copy of its own, so it can be changed in place
        ns3::Ptr<ns3::SpectrumValue> psd = params->psd;
        for (auto value = psd->ValuesBegin(); value != psd->ValuesEnd(); ++value)
        {
            *value *= *gain++;
        }
        return psd;
    }

    uint32_t Offset(const Place& from, const Place& to) const
    {
        const uint64_t device = from.IsEmitter() ? to.Index() : from.Index();
        const uint64_t emitter = from.IsEmitter() ? from.Index() : to.Index();
        const uint64_t pair = (device * 1024 + emitter) * 2 + (from.IsEmitter() ? 0 : 1);
        const auto known = offsets_.find(pair);
        if (known != offsets_.end())
        {
            return known->second;
        }
        // explicit streams live in the upper half of the stream numbers, as in SetStream
        ns3::RngStream draw(ns3::RngSeedManager::GetSeed(),
                            (uint64_t{1} << 63) + FIRST_STREAM + pair,
                            ns3::RngSeedManager::GetRun());
        const auto offset = static_cast<uint32_t>(draw.RandU01() * table_->samples);
        offsets_.emplace(pair, offset);
        return offset;
    }

    int64_t DoAssignStreams(int64_t) override
    {
        return 0;
    }

    std::shared_ptr<const FadingTable> table_;
    mutable std::unordered_map<uint64_t, uint32_t> offsets_;
};

} // namespace sixgym

#endif
