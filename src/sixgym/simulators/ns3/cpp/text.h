// Words in, JSON out: the two ends of the line protocol.
#ifndef SIXGYM_TEXT_H
#define SIXGYM_TEXT_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>

namespace sixgym
{

/// What a command asks for makes no sense. The network is unchanged.
struct Refused : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

/// The words of one line, read in order.
class Words
{
  public:
    explicit Words(const std::string& line)
        : stream_(line)
    {
    }

    std::string Word()
    {
        std::string word;
        if (!(stream_ >> word))
        {
            throw Refused("the line ends too early");
        }
        return word;
    }

    double Number()
    {
        const std::string word = Word();
        std::size_t used = 0;
        double value = 0;
        try
        {
            value = std::stod(word, &used);
        }
        catch (const std::exception&)
        {
            used = 0;
        }
        if (used == 0 || used != word.size() || !std::isfinite(value))
        {
            throw Refused(word + " is not a number");
        }
        return value;
    }

    int64_t Integer()
    {
        const double value = Number();
        if (value != std::floor(value))
        {
            throw Refused("expected a whole number");
        }
        return static_cast<int64_t>(value);
    }

    /// Everything that is left, without leading blanks.
    std::string Rest()
    {
        std::string rest;
        std::getline(stream_ >> std::ws, rest);
        return rest;
    }

    bool More()
    {
        stream_ >> std::ws;
        return stream_.peek() != std::istringstream::traits_type::eof();
    }

    void End()
    {
        if (More())
        {
            throw Refused("unexpected word " + Word());
        }
    }

  private:
    std::istringstream stream_;
};

/// Writes one JSON value. Numbers have six significant digits and are always finite.
class Json
{
  public:
    Json& Open(char bracket)
    {
        Separate();
        text_ += bracket;
        first_ = true;
        return *this;
    }

    Json& Close(char bracket)
    {
        text_ += bracket;
        first_ = false;
        return *this;
    }

    Json& Key(const std::string& key)
    {
        Separate();
        Quote(key);
        text_ += ':';
        first_ = true;
        return *this;
    }

    Json& Value(double value)
    {
        Separate();
        char digits[32];
        std::snprintf(digits, sizeof digits, "%.6g", std::isfinite(value) ? value : 0.0);
        text_ += digits;
        return *this;
    }

    Json& Value(int64_t value)
    {
        Separate();
        text_ += std::to_string(value);
        return *this;
    }

    Json& Value(const std::string& value)
    {
        Separate();
        Quote(value);
        return *this;
    }

    Json& Null()
    {
        Separate();
        text_ += "null";
        return *this;
    }

    template <typename T>
    Json& Field(const char* key, const T& value)
    {
        return Key(key).Value(value);
    }

    Json& Field(const char* key, std::size_t value)
    {
        return Key(key).Value(static_cast<int64_t>(value));
    }

    const std::string& Text() const
    {
        return text_;
    }

  private:
    void Separate()
    {
        if (!first_)
        {
            text_ += ',';
        }
        first_ = false;
    }

    void Quote(const std::string& raw)
    {
        text_ += '"';
        for (const char c : raw)
        {
            if (c == '"' || c == '\\')
            {
                text_ += '\\';
            }
            text_ += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        }
        text_ += '"';
    }

    std::string text_;
    bool first_ = true;
};

} // namespace sixgym

#endif
