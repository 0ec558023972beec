// Drives TrueEdge.mqh by the lines of standard input: deals of the account, then what the terminal would call.
#include "mql5_terminal.hpp"
#include "TrueEdge.hpp"

int main(int, char **arguments) {
    std::string word;
    while (std::cin >> word) {
        if (word == "clock") {
            std::cin >> clock_now;
        } else if (word == "deal") {  // ticket position entry type ms volume price profit commission swap fee magic symbol
            ulong ticket;
            Deal one;
            std::cin >> ticket >> one.whole[DEAL_POSITION_ID] >> one.whole[DEAL_ENTRY] >> one.whole[DEAL_TYPE] >>
                one.whole[DEAL_TIME_MSC] >> one.real[DEAL_VOLUME] >> one.real[DEAL_PRICE] >> one.real[DEAL_PROFIT] >>
                one.real[DEAL_COMMISSION] >> one.real[DEAL_SWAP] >> one.real[DEAL_FEE] >> one.whole[DEAL_MAGIC] >> one.symbol;
            deals[ticket] = one;
        } else if (word == "init") {
            i64 magic;
            std::cin >> magic;
            TrueEdgeInit(arguments[1], arguments[2], arguments[3], arguments[4], magic);
        } else if (word == "transaction") {
            MqlTradeTransaction one;
            std::cin >> one.type >> one.deal;
            TrueEdgeTransaction(one);
        } else if (word == "timer") {
            TrueEdgeTimer();
        } else {
            std::cerr << "unknown: " << word << std::endl;
            return 1;
        }
    }
}
