// Stand-ins for the functions of MetaTrader 5 that TrueEdge.mqh calls, so that it runs as C++: files are files,
// WebRequest speaks HTTP, the account's history comes from standard input. Not a compiler of MQL5: where that is stricter
// (types, literals) this notices nothing.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

typedef std::int64_t i64;
typedef std::uint64_t ulong_;
#define ulong ulong_
#define uint unsigned
#define datetime i64
#define long i64

struct string {
    std::string s;
    string() {}
    string(const char *text) : s(text) {}
    string(const std::string &text) : s(text) {}
    string &operator+=(const string &other) { s += other.s; return *this; }
};
inline string operator+(const string &a, const string &b) { return string(a.s + b.s); }

template <typename T> struct Array {
    std::vector<T> items;
    T &operator[](int place) { return items.at(place); }
};
template <typename T> int ArraySize(const Array<T> &a) { return a.items.size(); }
template <typename T> int ArrayResize(Array<T> &a, int n) { a.items.resize(n); return n; }

// --- constants
enum { INVALID_HANDLE = -1, WHOLE_ARRAY = -1, CP_UTF8 = 65001 };
enum { FILE_READ = 1, FILE_WRITE = 2, FILE_BIN = 4, FILE_SHARE_READ = 128, FILE_SHARE_WRITE = 256, FILE_REWRITE = 512 };
enum { TIME_DATE = 1, TIME_SECONDS = 4 };
enum { ACCOUNT_TRADE_MODE, ACCOUNT_TRADE_MODE_REAL = 2, ACCOUNT_SERVER, ACCOUNT_CURRENCY };
enum { DEAL_ENTRY_IN, DEAL_ENTRY_OUT, DEAL_ENTRY_INOUT, DEAL_ENTRY_OUT_BY };
enum { DEAL_TYPE_BUY, DEAL_TYPE_SELL, DEAL_TYPE_BALANCE };
enum { DEAL_ENTRY, DEAL_TYPE, DEAL_POSITION_ID, DEAL_MAGIC, DEAL_TIME_MSC, DEAL_SYMBOL };
enum { DEAL_VOLUME, DEAL_PRICE, DEAL_PROFIT, DEAL_COMMISSION, DEAL_SWAP, DEAL_FEE };
enum { TRADE_TRANSACTION_DEAL_ADD = 6 };
struct MqlTradeTransaction { int type; ulong deal; };

// --- the account: deals in the order of their tickets
struct Deal { std::map<int, i64> whole; std::map<int, double> real; std::string symbol; };
inline std::map<ulong, Deal> deals;
inline std::vector<ulong> selected;
inline std::string account_server = "Broker\"s\\Server";
inline i64 clock_now = 0, server_offset = 7200;  // the trade server is two hours ahead of UTC

inline i64 TimeLocal() { return clock_now; }
inline i64 TimeGMT() { return clock_now; }
inline i64 TimeTradeServer() { return clock_now + server_offset + 3; }  // clocks differ by some seconds
inline i64 TimeCurrent() { return TimeTradeServer(); }
inline bool HistorySelect(i64 from, i64 to) {
    selected.clear();
    for (auto &[ticket, deal] : deals)
        if (i64 at = deal.whole[DEAL_TIME_MSC] / 1000; from <= at && at <= to) selected.push_back(ticket);
    return true;
}
inline bool HistorySelectByPosition(i64 position) {
    selected.clear();
    for (auto &[ticket, deal] : deals)
        if (deal.whole[DEAL_POSITION_ID] == position) selected.push_back(ticket);
    return !selected.empty();
}
inline bool HistoryDealSelect(ulong ticket) { return deals.count(ticket) != 0; }
inline int HistoryDealsTotal() { return selected.size(); }
inline ulong HistoryDealGetTicket(int place) { return selected.at(place); }
inline i64 HistoryDealGetInteger(ulong ticket, int what) { return deals.at(ticket).whole[what]; }
inline double HistoryDealGetDouble(ulong ticket, int what) { return deals.at(ticket).real[what]; }
inline string HistoryDealGetString(ulong ticket, int) { return string(deals.at(ticket).symbol); }
inline i64 AccountInfoInteger(int) { return 0; }
inline string AccountInfoString(int what) { return what == ACCOUNT_SERVER ? string(account_server) : string("EUR"); }

// --- texts
inline int StringFind(const string &text, const string &part, int start = 0) {
    auto found = text.s.find(part.s, start);
    return found == std::string::npos ? -1 : int(found);
}
inline string StringSubstr(const string &text, int start, int count) { return string(text.s.substr(start, count)); }
inline int StringReplace(string &text, const string &from, const string &to) {
    int count = 0;
    for (size_t at = 0; (at = text.s.find(from.s, at)) != std::string::npos; at += to.s.size(), count++)
        text.s.replace(at, from.s.size(), to.s);
    return count;
}
inline const char *plain(const string &text) { return text.s.c_str(); }
inline const char *plain(const char *text) { return text; }
inline int plain(int number) { return number; }
template <typename... T> string StringFormat(const char *format, const T &...values) {
    std::vector<char> room(8192);
    std::snprintf(room.data(), room.size(), format, plain(values)...);
    return string(room.data());
}
inline string IntegerToString(i64 number) { return string(std::to_string(number)); }
inline string DoubleToString(double number, int digits) {
    char room[64];
    std::snprintf(room, sizeof room, "%.*f", digits, number);
    return string(room);
}
inline string TimeToString(i64 at, int) {
    std::time_t seconds = at;
    char room[64];
    std::strftime(room, sizeof room, "%Y.%m.%d %H:%M:%S", std::gmtime(&seconds));
    return string(room);
}
inline int StringToCharArray(const string &text, Array<char> &data, int, int, int) {
    data.items.assign(text.s.begin(), text.s.end());
    data.items.push_back(0);  // as MQL5 does
    return data.items.size();
}
inline string CharArrayToString(const Array<char> &data, int, int, int) {
    return string(std::string(data.items.begin(), std::find(data.items.begin(), data.items.end(), '\0')));
}
inline double MathRound(double x) { return std::round(x); }
inline double MathAbs(double x) { return std::fabs(x); }
inline int MathMin(int a, int b) { return std::min(a, b); }
inline int MathMax(int a, int b) { return std::max(a, b); }

// --- files, below the current folder
inline int last_error = 0;
inline void ResetLastError() { last_error = 0; }
inline int GetLastError() { return last_error; }
inline std::map<int, std::FILE *> handles;
inline std::string path_of(const string &name) {
    std::string path = name.s;
    std::replace(path.begin(), path.end(), '\\', '/');
    return path;
}
inline int FileOpen(const string &name, int flags) {
    std::string path = path_of(name);
    if (flags & FILE_WRITE) {
        if (auto folder = std::filesystem::path(path).parent_path(); !folder.empty())
            std::filesystem::create_directories(folder);
        std::ofstream(path, std::ios::app);
    }
    std::FILE *file = std::fopen(path.c_str(), flags & FILE_WRITE ? "r+b" : "rb");
    if (!file) { last_error = 5004; return INVALID_HANDLE; }
    int handle = fileno(file);
    handles[handle] = file;
    return handle;
}
inline void FileSeek(int handle, i64 at, int from) { std::fseek(handles[handle], at, from); }
inline uint FileWriteArray(int handle, const Array<char> &data) {
    return std::fwrite(data.items.data(), 1, data.items.size(), handles[handle]);
}
inline void FileReadArray(int handle, Array<char> &data) {
    data.items.clear();
    for (int c; (c = std::fgetc(handles[handle])) != EOF;) data.items.push_back(char(c));
}
inline void FileFlush(int handle) { std::fflush(handles[handle]); }
inline void FileClose(int handle) { std::fclose(handles[handle]); handles.erase(handle); }
inline void FileDelete(const string &name) { std::filesystem::remove(path_of(name)); }
inline bool FileMove(const string &from, int, const string &to, int) {
    std::filesystem::rename(path_of(from), path_of(to));
    return true;
}

// --- the outside
inline void EventSetTimer(int) {}
inline void say(const string &text) { std::cout << text.s; }
template <typename T> void say(const T &value) { std::cout << value; }
template <typename... T> void Print(const T &...values) { (say(values), ...); std::cout << std::endl; }
template <typename... T> void Alert(const T &...values) { Print(values...); }

inline int WebRequest(const char *method, const string &url, const string &headers, int, const Array<char> &data,
                      Array<char> &result, string &) {
    std::string rest = url.s.substr(7);  // http://127.0.0.1:port/path
    std::string host = rest.substr(0, rest.find('/')), path = rest.substr(rest.find('/'));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(std::stoi(host.substr(host.find(':') + 1)));
    inet_pton(AF_INET, host.substr(0, host.find(':')).c_str(), &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    result.items.clear();
    if (connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
        close(fd);
        last_error = 5203;
        return -1;
    }
    std::ostringstream asked;
    asked << method << ' ' << path << " HTTP/1.0\r\nHost: " << host << "\r\nContent-Length: " << data.items.size()
          << "\r\n" << headers.s << "\r\n" << std::string(data.items.begin(), data.items.end());
    std::string text = asked.str(), answer;
    for (size_t sent = 0; sent < text.size();) {
        ssize_t n = write(fd, text.data() + sent, text.size() - sent);
        if (n <= 0) break;
        sent += n;
    }
    char room[65536];
    for (ssize_t n; (n = read(fd, room, sizeof room)) > 0;) answer.append(room, n);
    close(fd);
    size_t body = answer.find("\r\n\r\n");
    if (body == std::string::npos) return -1;
    result.items.assign(answer.begin() + body + 4, answer.end());
    return std::stoi(answer.substr(9, 3));
}
