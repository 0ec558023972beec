//+------------------------------------------------------------------+
//| TrueEdge.mqh: posts each closed position of an MT5 account to a   |
//| TRUEEDGE server. docs/connect/mql5.md says how to use it.         |
//|                                                                  |
//| A closed position is one line of an outbox file first. A timer    |
//| sends the file and takes out what the server has answered for.    |
//| Sending twice is safe: the id is made of account and position.    |
//+------------------------------------------------------------------+
#define TRUEEDGE_BATCH 200   // lines of one request
#define TRUEEDGE_WAIT  5000  // milliseconds that one request may block this chart

string   TrueEdgeUrl, TrueEdgeKey, TrueEdgeAccount, TrueEdgeStrategy, TrueEdgeEnvironment, TrueEdgeFile;
long     TrueEdgeMagic = -1;
int      TrueEdgeFailures = 0;
datetime TrueEdgeNext = 0;

//--- In OnInit. magic -1: positions of every magic number. days: how far back closed positions are looked for, so that
//--- what was closed while the terminal was off is posted as well.
void TrueEdgeInit(string url, string key, string account, string strategy, long magic = -1, int days = 30)
  {
   TrueEdgeUrl = url;
   TrueEdgeKey = key;
   TrueEdgeAccount = account;
   TrueEdgeStrategy = strategy;
   TrueEdgeMagic = magic;
   TrueEdgeEnvironment = AccountInfoInteger(ACCOUNT_TRADE_MODE) == ACCOUNT_TRADE_MODE_REAL ? "live" : "demo";
   string name = account + "-" + strategy;
   StringReplace(name, "\\", "_");
   StringReplace(name, "/", "_");
   StringReplace(name, ":", "_");
   TrueEdgeFile = "TrueEdge\\" + name + ".ndjson";
   EventSetTimer(5);

   HistorySelect(TimeCurrent() - days * 86400, TimeCurrent() + 86400);
   long positions[];
   for(int i = 0; i < HistoryDealsTotal(); i++)
     {
      ulong deal = HistoryDealGetTicket(i);
      if(!TrueEdgeLeaves(deal))
         continue;
      long position = HistoryDealGetInteger(deal, DEAL_POSITION_ID);
      int n = 0;
      while(n < ArraySize(positions) && positions[n] != position)
         n++;
      if(n == ArraySize(positions))
        {
         ArrayResize(positions, n + 1);
         positions[n] = position;
        }
     }
   for(int i = 0; i < ArraySize(positions); i++)
      TrueEdgeClosed(positions[i]);
  }

//--- In OnTradeTransaction, with its first argument.
void TrueEdgeTransaction(const MqlTradeTransaction &transaction)
  {
   if(transaction.type != TRADE_TRANSACTION_DEAL_ADD || !HistoryDealSelect(transaction.deal))
      return;
   if(TrueEdgeLeaves(transaction.deal))
      TrueEdgeClosed(HistoryDealGetInteger(transaction.deal, DEAL_POSITION_ID));
  }

//--- In OnTimer.
void TrueEdgeTimer()
  {
   if(TimeLocal() < TrueEdgeNext)
      return;
   string lines[];
   int total = TrueEdgeRead(lines);
   if(total == 0)
      return;
   int count = MathMin(total, TRUEEDGE_BATCH);
   string body = "";
   for(int i = 0; i < count; i++)
      body += lines[i] + "\n";

   char data[], result[];
   string headers = "Content-Type: application/x-ndjson\r\nAccept-Encoding: identity\r\nX-API-Key: " + TrueEdgeKey + "\r\n";
   string answered;
   TrueEdgeBytes(body, data);
   ResetLastError();
   int status = WebRequest("POST", TrueEdgeUrl + "/trade_events", headers, TRUEEDGE_WAIT, data, result, answered);
   string answer = CharArrayToString(result, 0, WHOLE_ARRAY, CP_UTF8);

   bool judged = status == 200 || status == 207 || (status == 400 && StringFind(answer, "\"results\":[") >= 0);
   if(judged && status != 200)  // some were refused for good: kept beside the outbox, with the reason of each
      judged = TrueEdgeAppend(TrueEdgeFile + ".refused", answer + "\n" + body);
   if(!judged)
     {
      TrueEdgeFailures = MathMin(TrueEdgeFailures + 1, 6);
      TrueEdgeNext = TimeLocal() + 5 * (1 << TrueEdgeFailures);  // 10 seconds to 320
      Print("TRUEEDGE: ", total, " trades wait; status ", status, ", error ", GetLastError(), " ", answer);
      return;
     }
   TrueEdgeFailures = 0;
   string rest = "";
   for(int i = count; i < total; i++)
      rest += lines[i] + "\n";
   TrueEdgeWrite(rest);
  }

//--- Whether a deal took something out of a position.
bool TrueEdgeLeaves(ulong deal)
  {
   long entry = HistoryDealGetInteger(deal, DEAL_ENTRY);
   return(entry == DEAL_ENTRY_OUT || entry == DEAL_ENTRY_OUT_BY || entry == DEAL_ENTRY_INOUT);
  }

//--- Puts a position into the outbox, once all of it is closed.
void TrueEdgeClosed(long position)
  {
   if(position == 0 || !HistorySelectByPosition(position))
      return;
   double volume[2] = {0.0, 0.0}, value[2] = {0.0, 0.0};  // bought, sold
   double profit = 0.0, fees = 0.0;
   long opened = 0, closed = 0, side = -1, magic = 0;
   string symbol = "";
   for(int i = 0; i < HistoryDealsTotal(); i++)
     {
      ulong deal = HistoryDealGetTicket(i);
      long type = HistoryDealGetInteger(deal, DEAL_TYPE);
      if(type != DEAL_TYPE_BUY && type != DEAL_TYPE_SELL)
         continue;
      int k = type == DEAL_TYPE_BUY ? 0 : 1;
      double lots = HistoryDealGetDouble(deal, DEAL_VOLUME);
      volume[k] += lots;
      value[k] += lots * HistoryDealGetDouble(deal, DEAL_PRICE);
      profit += HistoryDealGetDouble(deal, DEAL_PROFIT);
      fees += HistoryDealGetDouble(deal, DEAL_COMMISSION) + HistoryDealGetDouble(deal, DEAL_SWAP) +
              HistoryDealGetDouble(deal, DEAL_FEE);
      closed = HistoryDealGetInteger(deal, DEAL_TIME_MSC);
      if(side < 0)  // the first deal opened it
        {
         side = k;
         opened = closed;
         magic = HistoryDealGetInteger(deal, DEAL_MAGIC);
         symbol = HistoryDealGetString(deal, DEAL_SYMBOL);
        }
     }
   if(side < 0 || MathAbs(volume[0] - volume[1]) > 1e-8)
      return;
   if(TrueEdgeMagic >= 0 && magic != TrueEdgeMagic)
      return;
   int entry = (int)side;
   string id = TrueEdgeAccount + "-" + IntegerToString(position);
   string line = StringFormat(
      "{\"event_id\":\"%s\",\"account_id\":\"%s\",\"strategy_id\":\"%s\",\"environment\":\"%s\",\"venue\":\"%s\","
      "\"symbol\":\"%s\",\"timestamp\":\"%s\",\"opened_at\":\"%s\",\"side\":\"%s\",\"order_type\":\"unknown\","
      "\"quantity\":\"%s\",\"quantity_type\":\"lots\",\"price_open\":\"%s\",\"price_close\":\"%s\",\"fees\":\"%s\","
      "\"pnl\":\"%s\",\"currency\":\"%s\",\"state\":\"closed\",\"linked_position_id\":\"%s\",\"metadata\":{\"magic\":%s}}",
      TrueEdgeText(id), TrueEdgeText(TrueEdgeAccount), TrueEdgeText(TrueEdgeStrategy), TrueEdgeEnvironment,
      TrueEdgeText(AccountInfoString(ACCOUNT_SERVER)), TrueEdgeText(symbol), TrueEdgeTime(closed), TrueEdgeTime(opened),
      side == 0 ? "buy" : "sell", DoubleToString(volume[entry], 8), DoubleToString(value[entry] / volume[entry], 8),
      DoubleToString(value[1 - entry] / volume[1 - entry], 8), DoubleToString(fees, 8), DoubleToString(profit + fees, 8),
      AccountInfoString(ACCOUNT_CURRENCY), IntegerToString(position), IntegerToString(magic));
   TrueEdgeAppend(TrueEdgeFile, "\n" + line + "\n");  // a line that a crash cut off before it stays one of its own
  }

//--- Deals carry the time of the trade server; its distance from UTC is what it is now, to the quarter of an hour.
string TrueEdgeTime(long server_ms)
  {
   long offset = (long)MathRound((double)(TimeTradeServer() - TimeGMT()) / 900.0) * 900;
   string text = TimeToString((datetime)(server_ms / 1000 - offset), TIME_DATE | TIME_SECONDS);
   StringReplace(text, ".", "-");
   return(text + StringFormat(".%03dZ", (int)(server_ms % 1000)));
  }

string TrueEdgeText(string text)
  {
   StringReplace(text, "\\", "\\\\");
   StringReplace(text, "\"", "\\\"");
   return(text);
  }

//--- UTF-8 without the zero that ends a string.
void TrueEdgeBytes(string text, char &data[])
  {
   int size = StringToCharArray(text, data, 0, WHOLE_ARRAY, CP_UTF8);
   ArrayResize(data, MathMax(size - 1, 0));
  }

bool TrueEdgeAppend(string name, string text)
  {
   char data[];
   TrueEdgeBytes(text, data);
   int handle = FileOpen(name, FILE_READ | FILE_WRITE | FILE_BIN | FILE_SHARE_READ);
   bool done = false;
   if(handle != INVALID_HANDLE)
     {
      FileSeek(handle, 0, SEEK_END);
      done = FileWriteArray(handle, data) == (uint)ArraySize(data);
      FileFlush(handle);
      FileClose(handle);
     }
   if(!done)  // the next OnInit finds the position again, in the terminal's history
      Alert("TRUEEDGE: cannot write ", name, ", error ", GetLastError());
   return(done);
  }

//--- The lines of the outbox; a last one that was cut off by a crash is not one.
int TrueEdgeRead(string &lines[])
  {
   ArrayResize(lines, 0);
   int handle = FileOpen(TrueEdgeFile, FILE_READ | FILE_BIN | FILE_SHARE_READ | FILE_SHARE_WRITE);
   if(handle == INVALID_HANDLE)
      return(0);
   char data[];
   FileReadArray(handle, data);
   FileClose(handle);
   string text = CharArrayToString(data, 0, WHOLE_ARRAY, CP_UTF8);
   int start = 0;
   for(int end = StringFind(text, "\n", start); end >= 0; end = StringFind(text, "\n", start))
     {
      if(end > start)
        {
         int n = ArraySize(lines);
         ArrayResize(lines, n + 1);
         lines[n] = StringSubstr(text, start, end - start);
        }
      start = end + 1;
     }
   return(ArraySize(lines));
  }

//--- The outbox anew, by a second file that takes its place: a crash leaves the one or the other.
void TrueEdgeWrite(string text)
  {
   string name = TrueEdgeFile + ".new";
   FileDelete(name);
   if(TrueEdgeAppend(name, text))
      FileMove(name, 0, TrueEdgeFile, FILE_REWRITE);
  }
