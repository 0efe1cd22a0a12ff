// Asks ns-3 for its LTE link level. Without arguments the tables, one line per figure: a name, its
// indices, the figure. With `samples` and a count, that many random cases and ns-3's answers, as JSON.
#include "ns3/enum.h"
#include "ns3/lte-amc.h"
#include "ns3/lte-harq-phy.h"
#include "ns3/lte-mi-error-model.h"
#include "ns3/lte-ue-phy.h"
#include "ns3/spectrum-value.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>
#include <random>
#include <string>

using namespace ns3;

namespace
{

/// Nominal code rates of MCS 0 to 28 in ns-3's error model, which keeps them to itself.
const double CODE_RATES[] = {0.08, 0.1,  0.11, 0.15, 0.19, 0.24, 0.3,  0.37, 0.44, 0.51,
                             0.3,  0.33, 0.37, 0.42, 0.48, 0.54, 0.6,  0.43, 0.45, 0.5,
                             0.55, 0.6,  0.65, 0.7,  0.75, 0.8,  0.85, 0.89, 0.92};
/// Lower code rates, by modulation, whose curves retransmissions use.
const double LOW_CODE_RATES[][3] = {{0.01, 0.026, 0.04}, {0.075, 0.1, 0.15}, {0.1075, 0.143, 0.215}};
const int FIRST_MCS[] = {0, MI_QPSK_MAX_ID + 1, MI_16QAM_MAX_ID + 1, MI_64QAM_MAX_ID + 1};

using Generator = std::mt19937_64;

SpectrumValue
Sinr(const std::vector<double>& linear)
{
    std::vector<double> centres;
    for (std::size_t i = 0; i <= linear.size(); ++i) // ns-3 wants two bands at least
    {
        centres.push_back(2e9 + 180e3 * static_cast<double>(i));
    }
    SpectrumValue value(Create<SpectrumModel>(centres));
    for (std::size_t i = 0; i < linear.size(); ++i)
    {
        value[i] = linear[i];
    }
    return value;
}

Ptr<LteAmc>
Amc(LteAmc::AmcModel model)
{
    return CreateObjectWithAttributes<LteAmc>("AmcModel", EnumValue(model));
}

/// The last number for which `below` holds; it holds at `low` and not at `high`.
double
LastBelow(double low, double high, const std::function<bool(double)>& below, double within = 0)
{
    for (;;)
    {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high || high - low < within)
        {
            return low;
        }
        (below(middle) ? low : high) = middle;
    }
}

void
PrintBlocks()
{
    auto amc = Amc(LteAmc::PiroEW2010);
    for (int mcs = 0; mcs <= MI_64QAM_MAX_ID; ++mcs)
    {
        for (int prbs = 1; prbs <= 110; ++prbs)
        {
            std::printf("block_bits %d %d %d\n", mcs, prbs, amc->GetDlTbSizeFromMcs(mcs, prbs));
        }
    }
    for (int cqi = 0; cqi <= 15; ++cqi)
    {
        std::printf("mcs_of_cqi %d %d\n", cqi, amc->GetMcsFromCqi(cqi));
    }
    for (int cqi = 1; cqi <= 15; ++cqi)
    {
        std::printf("piro_sinr %d %.17g\n", cqi - 1, LastBelow(0, 1e6, [&](double sinr) {
                        return amc->CreateCqiFeedbacks(Sinr({sinr}), 1)[0] < cqi;
                    }));
    }
}

/// The mutual information is a staircase over the linear SINR, with steps of equal width.
void
PrintMutualInformation()
{
    const int sizes[] = {MI_MAP_QPSK_SIZE, MI_MAP_16QAM_SIZE, MI_MAP_64QAM_SIZE};
    // ns-3 aborts within a rounding error below the last step, so it is not approached further
    constexpr double within = 1e-8;
    for (int modulation = 0; modulation < 3; ++modulation)
    {
        const auto at = [&](double sinr) {
            return LteMiErrorModel::Mib(Sinr({sinr}), {0}, static_cast<uint8_t>(FIRST_MCS[modulation]));
        };
        const double lowest = at(0);
        const double first = LastBelow(0, 1e3, [&](double sinr) { return at(sinr) <= lowest; }, within);
        const double last = LastBelow(0, 1e3, [&](double sinr) { return at(sinr) < 1; }, within);
        const int size = sizes[modulation];
        std::printf("mi_first %d %.6f\nmi_last %d %.6f\n", modulation, first, modulation, last);
        std::printf("mi_steps %d %d\nmi %d 0 %.17g\n", modulation, size, modulation, lowest);
        for (int i = 1; i < size; ++i)
        {
            const double sinr = first + (i - 0.5) * (last - first) / (size - 1);
            std::printf("mi %d %d %.17g\n", modulation, i, at(sinr));
        }
        std::printf("mi %d %d 1\n", modulation, size);
    }
}

/// Error rates are tails of a Gaussian of the mutual information; code blocks of similar size share
/// their curves.
void
PrintCurves()
{
    constexpr uint8_t distinct = 3; // the code rate whose curves differ between all classes of size
    const double deviation = 0.5 * std::erfc(std::sqrt(0.5));
    double previous = -1;
    int size_class = -1;
    for (uint16_t bits = 40; bits <= 6144; bits += 8)
    {
        const double here = LteMiErrorModel::MappingMiBler(0.12, distinct, bits);
        if (here == previous)
        {
            continue;
        }
        previous = here;
        std::printf("curve_bits %d %d\n", ++size_class, bits);
        for (uint8_t curve = 0; curve <= MI_64QAM_BLER_MAX_ID; ++curve)
        {
            const auto mi_at = [&](double rate) {
                return LastBelow(0, 2, [&](double mi) {
                    return LteMiErrorModel::MappingMiBler(mi, curve, bits) > rate;
                });
            };
            const double mean = mi_at(0.5);
            std::printf("curve_mean %d %d %.6f\n", size_class, curve, mean);
            std::printf("curve_spread %d %d %.6f\n", size_class, curve, mi_at(deviation) - mean);
        }
    }
    int curve = 0;
    for (int modulation = 0; modulation < 3; ++modulation)
    {
        for (const double rate : LOW_CODE_RATES[modulation])
        {
            std::printf("code_rate %d %g\n", curve++, rate);
        }
        for (int mcs = FIRST_MCS[modulation]; mcs < FIRST_MCS[modulation + 1]; ++mcs)
        {
            std::printf("code_rate %d %g\n", curve++, CODE_RATES[mcs]);
        }
    }
}

void
PrintGain()
{
    TypeId::AttributeInformation gain;
    LteUePhy::GetTypeId().LookupAttributeByName("TxMode3Gain", &gain);
    std::printf("open_loop_gain_db 0 %s\n", gain.initialValue->SerializeToString(gain.checker).c_str());
}

std::vector<double>
RandomSinrs(Generator& random, std::size_t prbs, double mean_db)
{
    std::normal_distribution<double> decibels(mean_db, 4);
    std::vector<double> sinrs;
    for (std::size_t i = 0; i < prbs; ++i)
    {
        sinrs.push_back(std::pow(10, decibels(random) / 10));
    }
    return sinrs;
}

void
PrintList(const char* name, const std::vector<double>& values)
{
    std::printf("\"%s\": [", name);
    for (std::size_t i = 0; i < values.size(); ++i)
    {
        std::printf("%s%.17g", i == 0 ? "" : ", ", values[i]);
    }
    std::printf("]");
}

/// A block all of whose transmissions fail, and what they looked like.
struct Transmissions
{
    int mcs = 0;
    int prbs = 0;
    uint16_t bytes = 0;
    std::vector<double> mi;
    std::vector<double> error_rates;
};

Transmissions
Transmit(Generator& random)
{
    Transmissions block;
    block.mcs = std::uniform_int_distribution<int>(0, MI_64QAM_MAX_ID)(random);
    block.prbs = std::uniform_int_distribution<int>(1, 110)(random);
    block.bytes = static_cast<uint16_t>(
        Amc(LteAmc::PiroEW2010)->GetDlTbSizeFromMcs(block.mcs, block.prbs) / 8);
    const auto code_bytes = static_cast<uint16_t>(block.bytes / CODE_RATES[block.mcs]);
    const auto mcs = static_cast<uint8_t>(block.mcs);
    // about what the block needs, or what two to four of its transmissions need together
    const double mean_db =
        -7 + 1.05 * block.mcs - 3 * std::uniform_int_distribution<int>(0, 3)(random);
    std::vector<int> map(static_cast<std::size_t>(block.prbs));
    std::iota(map.begin(), map.end(), 0);
    LteHarqPhy harq;
    for (int sent = 0; sent < 4; ++sent)
    {
        const auto sinr = Sinr(RandomSinrs(random, map.size(), mean_db));
        const TbStats_t stats = LteMiErrorModel::GetTbDecodificationStats(
            sinr, map, block.bytes, mcs, harq.GetHarqProcessInfoDl(0, 0));
        block.mi.push_back(stats.mi);
        block.error_rates.push_back(stats.tbler);
        harq.UpdateDlHarqProcessStatus(0, 0, stats.mi, block.bytes, code_bytes);
    }
    return block;
}

/// A block with a transmission that neither surely fails nor surely succeeds.
void
PrintBlockSample(Generator& random)
{
    Transmissions block;
    do
    {
        block = Transmit(random);
    } while (std::none_of(block.error_rates.begin(), block.error_rates.end(), [](double rate) {
        return rate > 0.01 && rate < 0.99;
    }));
    std::printf("{\"mcs\": %d, \"prbs\": %d, \"bytes\": %d, ", block.mcs, block.prbs, block.bytes);
    PrintList("mi", block.mi);
    std::printf(", ");
    PrintList("error_rates", block.error_rates);
    std::printf("}");
}

/// One RBG: its CQI in both models, and the mutual information with each modulation.
void
PrintRbgSample(Generator& random)
{
    const auto prbs = std::uniform_int_distribution<std::size_t>(1, 4)(random);
    const auto sinrs = RandomSinrs(random, prbs, std::uniform_real_distribution<double>(-8, 26)(random));
    std::vector<int> map(prbs);
    std::iota(map.begin(), map.end(), 0);
    const auto size = static_cast<int>(prbs);
    const auto by_prb = Amc(LteAmc::PiroEW2010)->CreateCqiFeedbacks(Sinr(sinrs), static_cast<uint8_t>(prbs));
    // the device reports the mean of an RBG's PRBs as an integer
    const int piro = std::accumulate(by_prb.begin(), by_prb.begin() + size, 0) / size;
    const int mi_model =
        Amc(LteAmc::MiErrorModel)->CreateCqiFeedbacks(Sinr(sinrs), static_cast<uint8_t>(prbs))[0];
    std::vector<double> mi;
    for (int modulation = 0; modulation < 3; ++modulation)
    {
        mi.push_back(LteMiErrorModel::Mib(Sinr(sinrs), map, static_cast<uint8_t>(FIRST_MCS[modulation])));
    }
    std::printf("{\"piro_cqi\": %d, \"mi_cqi\": %d, ", piro, mi_model);
    PrintList("sinrs", sinrs);
    std::printf(", ");
    PrintList("mi", mi);
    std::printf("}");
}

void
PrintSamples(const char* name, int count, Generator& random, void (*print)(Generator&))
{
    std::printf("\"%s\": [\n", name);
    for (int i = 0; i < count; ++i)
    {
        print(random);
        std::printf(i + 1 < count ? ",\n" : "\n");
    }
    std::printf("]");
}

} // namespace

int
main(int argc, char** argv)
{
    if (argc == 3 && std::string(argv[1]) == "samples")
    {
        Generator random(1);
        std::printf("{");
        PrintSamples("rbgs", std::stoi(argv[2]), random, PrintRbgSample);
        std::printf(",\n");
        PrintSamples("blocks", std::stoi(argv[2]), random, PrintBlockSample);
        std::printf("}\n");
        return 0;
    }
    PrintBlocks();
    PrintMutualInformation();
    PrintCurves();
    PrintGain();
    return 0;
}
