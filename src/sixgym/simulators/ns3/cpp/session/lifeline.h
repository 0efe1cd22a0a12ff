// Ends the process with its parent, also in the middle of a long interval.
#ifndef SIXGYM_LIFELINE_H
#define SIXGYM_LIFELINE_H

#include <poll.h>
#include <thread>
#include <unistd.h>

namespace sixgym
{

/// Watch standard input in a thread of its own. When its other end is closed, no answer can be read,
/// while an interval may still take minutes.
inline void
EndWithInput()
{
    std::thread([] {
        pollfd input{STDIN_FILENO, 0, 0}; // no events asked for: only a hang-up is reported
        while (poll(&input, 1, -1) < 0)
        {
        }
        _exit(0);
    }).detach();
}

} // namespace sixgym

#endif
