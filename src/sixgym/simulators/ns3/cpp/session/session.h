// The line protocol: every command line gets exactly one line of JSON back.
#ifndef SIXGYM_SESSION_H
#define SIXGYM_SESSION_H

#include "config/read_config.h"
#include "session/report.h"

namespace sixgym
{

/// Executes commands on one network at a time. Failures that leave the network as it was are
/// answered with {"error": …}; a fatal error of ns-3 ends the process.
class Session
{
  public:
    static constexpr int64_t PROTOCOL = 1;

    /// Whether the command `quit` has come.
    bool Finished() const
    {
        return finished_;
    }

    /// The reply to a line; empty while configuration lines are outstanding.
    std::string Handle(const std::string& line)
    {
        try
        {
            if (config_lines_ > 0)
            {
                config_.push_back(line);
                return --config_lines_ > 0 ? "" : Reset();
            }
            Words words(line);
            const std::string command = words.Word();
            const auto known = Commands().find(command);
            if (known == Commands().end())
            {
                throw Refused("no command " + command);
            }
            const std::string reply = (this->*known->second)(words);
            words.End();
            return reply;
        }
        catch (const std::exception& error)
        {
            return Json().Open('{').Field("error", std::string(error.what())).Close('}').Text();
        }
    }

  private:
    using Command = std::string (Session::*)(Words&);

    static const std::map<std::string, Command>& Commands()
    {
        static const std::map<std::string, Command> commands{
            {"hello", &Session::Hello},
            {"reset", &Session::BeginReset},
            {"advance", &Session::Advance},
            {"policy", &Session::SetPolicy},
            {"move", &Session::Move},
            {"scale", &Session::Scale},
            {"offload", &Session::Offload},
            {"handover", &Session::HandOver},
            {"fly", &Session::Fly},
            {"emitter", &Session::AddEmitter},
            {"fault", &Session::Inject},
            {"gain", &Session::Gain},
            {"reference", &Session::Reference},
            {"quit", &Session::Quit},
        };
        return commands;
    }

    World& Running()
    {
        if (!world_)
        {
            throw Refused("no network is running");
        }
        return *world_;
    }

    std::string Hello(Words&)
    {
        return Json().Open('{').Field("protocol", PROTOCOL).Close('}').Text();
    }

    /// reset N, followed by N configuration lines. Answered after the warm-up.
    std::string BeginReset(Words& words)
    {
        const int64_t lines = words.Integer();
        if (lines < 1)
        {
            throw Refused("a configuration has at least one line");
        }
        config_lines_ = lines;
        config_.clear();
        return "";
    }

    std::string Reset()
    {
        world_.reset();
        Config config;
        for (const std::string& line : config_)
        {
            ReadConfigLine(line, config);
        }
        config_.clear();
        auto fading = Fading(config.fading_file);
        world_ = std::make_unique<World>(std::move(config), std::move(fading));
        const Config& settings = world_->Settings();
        const int64_t measured_ms = std::min(settings.interval_ms, settings.warm_up_ms);
        if (measured_ms < settings.warm_up_ms)
        {
            world_->RunUntil(-measured_ms);
            Report(*world_, -settings.warm_up_ms).Text();
        }
        return Run(-measured_ms, 0);
    }

    std::string Run(int64_t start_ms, int64_t end_ms)
    {
        world_->RunUntil(end_ms);
        return Report(*world_, start_ms).Text();
    }

    /// The table stays loaded for the next network with the same channel.
    std::shared_ptr<const FadingTable> Fading(const std::string& file)
    {
        if (file != fading_file_)
        {
            fading_ = file.empty() ? nullptr
                                   : std::make_shared<const FadingTable>(FadingTable::Load(file));
            fading_file_ = file;
        }
        return fading_;
    }

    /// advance MS
    std::string Advance(Words& words)
    {
        const int64_t start_ms = Running().NowMs();
        const int64_t duration_ms = words.Integer();
        if (duration_ms < 1)
        {
            throw Refused("an interval lasts at least 1 ms");
        }
        return Run(start_ms, start_ms + duration_ms);
    }

    /// policy (SLICE DEDICATED MIN MAX)…, every slice once
    std::string SetPolicy(Words& words)
    {
        const Config& config = Running().Settings();
        std::vector<std::optional<Policy>> given(config.slices.size());
        while (words.More())
        {
            const std::size_t slice = config.Slice(words.Word());
            given[slice] = ReadPolicy(words);
        }
        std::vector<Policy> policies;
        double reserved = 0;
        for (const auto& policy : given)
        {
            if (!policy)
            {
                throw Refused("a policy for every slice is needed");
            }
            policies.push_back(*policy);
            reserved += policy->minimum;
        }
        if (reserved > 1 + 1e-9)
        {
            throw Refused("the minimum shares add up to more than 100 %");
        }
        world_->SetPolicies(policies);
        return "{}";
    }

    /// move GROUP SLICE
    std::string Move(Words& words)
    {
        const Config& config = Running().Settings();
        const std::size_t group = config.Group(words.Word());
        world_->Move(group, config.Slice(words.Word()));
        return "{}";
    }

    /// scale GROUP FACTOR
    std::string Scale(Words& words)
    {
        const std::size_t group = Running().Settings().Group(words.Word());
        const double factor = words.Number();
        if (factor < 0)
        {
            throw Refused("a traffic factor is not negative");
        }
        world_->Apps().SetScale(group, factor);
        return "{}";
    }

    /// offload GROUP NODE
    std::string Offload(Words& words)
    {
        const std::size_t group = Running().Settings().Group(words.Word());
        world_->Apps().Offload(group, words.Word());
        return "{}";
    }

    /// handover DEVICE CELL
    std::string HandOver(Words& words)
    {
        const Config& config = Running().Settings();
        const std::size_t device = config.Device(words.Word());
        world_->Mobility().Request(device, config.Cell(words.Word()));
        return "{}";
    }

    /// fly DEVICE SPEED (X Y Z)…
    std::string Fly(Words& words)
    {
        const std::size_t device = Running().Settings().Device(words.Word());
        const double speed = words.Number();
        if (speed <= 0)
        {
            throw Refused("a speed is positive");
        }
        std::vector<Point> waypoints;
        while (words.More())
        {
            waypoints.push_back(ReadPoint(words));
        }
        world_->Fly(device, waypoints, speed);
        return "{}";
    }

    /// emitter …, as in the configuration
    std::string AddEmitter(Words& words)
    {
        Running().AddEmitter(ReadEmitter(words));
        return "{}";
    }

    /// fault …, as in the configuration
    std::string Inject(Words& words)
    {
        Running().Inject(ReadFault(words, world_->Settings()));
        return "{}";
    }

    /// gain EMITTER X Y Z: the field at a point
    std::string Gain(Words& words)
    {
        const Config& config = Running().Settings();
        const Emitter& emitter = config.emitters[config.EmitterIndex(words.Word())];
        return Decibels(PathGainDb(emitter, ReadPoint(words), config.environment));
    }

    /// reference MODEL LOS D2 BASE HEIGHT MHZ: ns-3's own median path loss
    std::string Reference(Words& words)
    {
        return Decibels(ReferencePathLossDb(words));
    }

    static std::string Decibels(double value)
    {
        char digits[64];
        std::snprintf(digits, sizeof digits, "{\"db\":%.12g}", value);
        return digits;
    }

    std::string Quit(Words&)
    {
        world_.reset();
        finished_ = true;
        return "{}";
    }

    bool finished_ = false;
    int64_t config_lines_ = 0;
    std::vector<std::string> config_;
    std::string fading_file_;
    std::shared_ptr<const FadingTable> fading_;
    std::unique_ptr<World> world_;
};

} // namespace sixgym

#endif
