// The large-scale radio field: the same function of (transmitter, position) as sixgym.domain.radio,
// with the formulas of sixgym.domain.propagation.
#ifndef SIXGYM_FIELD_H
#define SIXGYM_FIELD_H

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace sixgym
{

/// A point in metres: east, north, above ground.
struct Point
{
    double x = 0;
    double y = 0;
    double z = 0;
};

inline double
Distance(const Point& a, const Point& b)
{
    return std::hypot(a.x - b.x, a.y - b.y, a.z - b.z);
}

/// A Gaussian random field of unit variance as a sum of plane waves.
struct Waves
{
    static constexpr std::size_t COUNT = 64;
    std::array<double, COUNT> kx{};
    std::array<double, COUNT> ky{};
    std::array<double, COUNT> phase{};

    double At(double x, double y, double correlation_m) const
    {
        double sum = 0;
        for (std::size_t i = 0; i < COUNT; ++i)
        {
            sum += std::cos((kx[i] * x + ky[i] * y) / correlation_m + phase[i]);
        }
        return std::sqrt(2.0 / COUNT) * sum;
    }
};

/// A transmitter with its line-of-sight and shadowing fields.
struct Emitter
{
    std::string id;
    Point position;
    bool sector = false;
    double gain_dbi = 0;
    double azimuth_deg = 0;
    Waves sight;
    Waves shadow;
};

/// The propagation environment, shared by all links.
struct Environment
{
    double frequency_mhz = 2120;
    bool urban_macro = true; // UMa, else UMi
    bool shadowing = true;
};

/// TR 38.901 table 7.4.2-1 up to 22.5 m, TR 36.777 table B-1 above.
inline double
LineOfSightProbability(double d2, double height, bool urban_macro)
{
    if (height > 100 && urban_macro)
    {
        return 1;
    }
    if (height > 22.5)
    {
        const double lg = std::log10(height);
        const double p1 = urban_macro ? 4300 * lg - 3800 : 233.98 * lg - 0.95;
        const double d1 = std::max(urban_macro ? 460 * lg - 700 : 294.05 * lg - 432.94, 18.0);
        return d2 <= d1 ? 1 : d1 / d2 + std::exp(-d2 / p1) * (1 - d1 / d2);
    }
    if (d2 <= 18)
    {
        return 1;
    }
    double probability = 18 / d2 + std::exp(-d2 / (urban_macro ? 63.0 : 36.0)) * (1 - 18 / d2);
    if (urban_macro && height > 13)
    {
        const double c = std::pow((height - 13) / 10, 1.5);
        probability *= 1 + c * 1.25 * std::pow(d2 / 100, 3) * std::exp(-d2 / 150);
    }
    return std::min(probability, 1.0);
}

/// Median loss of a UAV link, TR 36.777 table B-2.
inline double
AerialPathLossDb(double d3, double height, bool los, const Environment& environment)
{
    const double lf = std::log10(environment.frequency_mhz / 1e3);
    const double ld = std::log10(d3);
    const double lh = std::log10(height);
    if (environment.urban_macro)
    {
        return los ? 28 + 22 * ld + 20 * lf
                   : -17.5 + (46 - 7 * lh) * ld +
                         20 * std::log10(40 * M_PI * environment.frequency_mhz / 3e3);
    }
    const double free = 20 * ld + 20 * lf + 32.45;
    const double clear = std::max(free, 30.9 + (22.25 - 0.5 * lh) * ld + 20 * lf);
    return los ? clear : std::max(clear, 32.4 + (43.2 - 7.6 * lh) * ld + 20 * lf);
}

/// Median loss: TR 38.901 table 7.4.1-1 up to 22.5 m, TR 36.777 above. d2 is at least 10 m.
inline double
PathLossDb(double d2, double base, double height, bool los, const Environment& environment)
{
    const double d3 = std::hypot(d2, base - height);
    if (height > 22.5)
    {
        return AerialPathLossDb(d3, height, los, environment);
    }
    const double lf = std::log10(environment.frequency_mhz / 1e3);
    const double ld = std::log10(d3);
    const double breakpoint = 4 * (base - 1) * std::max(height - 1, 0.1) *
                              environment.frequency_mhz * 1e6 / 299'792'458.0;
    const double square = breakpoint * breakpoint + (base - height) * (base - height);
    const bool near = d2 <= breakpoint;
    if (environment.urban_macro)
    {
        const double clear = near ? 28 + 22 * ld + 20 * lf
                                  : 28 + 40 * ld + 20 * lf - 9 * std::log10(square);
        return los ? clear
                   : std::max(clear, 13.54 + 39.08 * ld + 20 * lf - 0.6 * (height - 1.5));
    }
    const double clear = near ? 32.4 + 21 * ld + 20 * lf
                              : 32.4 + 40 * ld + 20 * lf - 9.5 * std::log10(square);
    return los ? clear : std::max(clear, 35.3 * ld + 22.4 + 21.3 * lf - 0.3 * (height - 1.5));
}

/// Deviation in dB and correlation distance in m: TR 38.901 tables 7.4.1-1, 7.5-6; TR 36.777 B-3.
inline std::pair<double, double>
Shadowing(double height, bool los, bool urban_macro)
{
    const bool aerial = height > 22.5;
    if (urban_macro)
    {
        const double clear = aerial ? 4.64 * std::exp(-0.0066 * height) : 4.0;
        return {los ? clear : 6.0, los ? 37.0 : 50.0};
    }
    const double clear = aerial ? std::max(5 * std::exp(-0.01 * height), 2.0) : 4.0;
    return {los ? clear : (aerial ? 8.0 : 7.82), los ? 10.0 : 13.0};
}

/// Antenna gain in dBi; a sector has the element pattern of TR 38.901 table 7.3-1.
inline double
AntennaGainDb(const Emitter& emitter, double dx, double dy, double drop)
{
    if (!emitter.sector)
    {
        return emitter.gain_dbi;
    }
    const double degree = 180 / M_PI;
    const double turn = std::atan2(dy, dx) * degree - emitter.azimuth_deg + 180;
    const double azimuth = turn - 360 * std::floor(turn / 360) - 180;
    const double tilt = std::atan2(drop, std::max(std::hypot(dx, dy), 1e-3)) * degree;
    const double vertical = std::min(12 * (tilt / 65) * (tilt / 65), 30.0);
    const double horizontal = std::min(12 * (azimuth / 65) * (azimuth / 65), 30.0);
    return emitter.gain_dbi - std::min(vertical + horizontal, 30.0);
}

/// How far a point is in line of sight, 0 to 1: the soft transition of TR 38.901 clause 7.6.3.3.
inline double
LineOfSight(const Emitter& emitter, double d2, const Point& point, const Environment& environment)
{
    const double field = emitter.sight.At(point.x, point.y, 50);
    const double quantile = 0.5 * std::erfc(-field / M_SQRT2);
    const double density = std::exp(-0.5 * field * field) / std::sqrt(2 * M_PI);
    const double ahead =
        (LineOfSightProbability(d2, point.z, environment.urban_macro) - quantile) / density;
    const double steepness = std::sqrt(20 * environment.frequency_mhz * 1e6 / 299'792'458.0);
    return 0.5 + std::atan(steepness * ahead) / M_PI;
}

/// Gain in dB from a transmitter's power amplifier to an isotropic receiver.
inline double
PathGainDb(const Emitter& emitter, const Point& point, const Environment& environment)
{
    const double dx = point.x - emitter.position.x;
    const double dy = point.y - emitter.position.y;
    const double d2 = std::max(std::hypot(dx, dy), 10.0);
    const double clear = LineOfSight(emitter, d2, point, environment);
    double loss = 0;
    for (const bool los : {true, false})
    {
        double median = PathLossDb(d2, emitter.position.z, point.z, los, environment);
        if (environment.shadowing)
        {
            const auto [deviation, correlation] = Shadowing(point.z, los, environment.urban_macro);
            median += deviation * emitter.shadow.At(point.x, point.y, correlation);
        }
        loss += (los ? clear : 1 - clear) * median;
    }
    return AntennaGainDb(emitter, dx, dy, emitter.position.z - point.z) - loss;
}

} // namespace sixgym

#endif
