// sixgym's ns-3 program: commands on standard input, one line of JSON each on standard output.
// It ends on `quit`, and when its parent is gone.
#include "session/lifeline.h"
#include "session/session.h"

#include <iostream>

int
main()
{
    std::ios::sync_with_stdio(false);
    sixgym::EndWithInput();
    sixgym::Session session;
    std::string line;
    while (!session.Finished() && std::getline(std::cin, line))
    {
        const std::string reply = session.Handle(line);
        if (!reply.empty())
        {
            std::cout << reply << std::endl;
        }
    }
    return 0;
}
