// Share links, for an administrator: made, listed and revoked here. A link is the page's address with a key that may
// only read, sees nothing but this account or strategy, and expires.
{
  async function send(url, body) {
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const answer = await fetch(url, { method: body === undefined ? "GET" : "POST", headers, body: body && JSON.stringify(body) });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.message);
    return said;
  }

  const told = (key) => {
    const bound = [["account", key.account_id], ["strategy", key.strategy_id]].filter(([, id]) => id !== null);
    const whose = bound.map(([kind, id]) => `${kind} ${id}`).join(", ") || "everything";
    const until = key.expires_at ? `until ${timeText(Date.parse(key.expires_at))}` : "without an end";
    const used = key.last_used_at ? `last used ${timeText(Date.parse(key.last_used_at))}` : "not used yet";
    return `${whose} · ${until} · ${used}`;
  };

  start("details.sharing", (box) => {
    const form = find("form", box);
    const [list, says, made] = [find(".links", box), find(".says", box), find(".made", box)];
    const { account, strategy } = box.dataset;
    const report = () => {
      const url = new URL("/report", location.origin);
      if (account) url.searchParams.set("account_id", account);
      if (strategy) url.searchParams.set("strategy_id", strategy);
      return url;
    };

    // Keys that read and see what this page shows, or a part of it: others are for the command line.
    async function show() {
      const { keys } = await send("/keys");
      const links = keys.filter((key) => key.is_good && key.scopes.join() === "read"
        && (!account || key.account_id === account) && (!strategy || key.strategy_id === strategy));
      list.replaceChildren(...links.map((key) => {
        const revoke = element("button", { type: "button", textContent: "Revoke" });
        revoke.setAttribute("aria-label", `Revoke ${key.name || key.id}`);
        revoke.addEventListener("click", () => act(async () => {
          await send(`/keys/${key.id}/revoke`, {});
          says.textContent = `Revoked: ${key.name || key.id}.`;
          await show();
        }));
        return element("li", {}, element("strong", { textContent: key.name || key.id }), element("span", { textContent: told(key) }), revoke);
      }));
      box.dataset.links = links.length;
    }

    async function act(what) {
      try {
        await what();
      } catch (error) {
        says.textContent = error.message;
      }
    }

    box.addEventListener("toggle", () => box.open && act(show));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act(async () => {
        const { name, expires } = form.elements;
        const body = { scopes: ["read"], expires: expires.value, name: name.value };
        if (account) body.account_id = account;
        if (strategy) body.strategy_id = strategy;
        const { key } = await send("/keys", body);
        const url = report();
        url.searchParams.set("key", key);
        find("input", made).value = url.href;
        made.hidden = false;
        find("input", made).select();
        says.textContent = "This link is shown once. Send it by a channel that you trust.";
        form.reset();
        await show();
      });
    });
    find("button", made).addEventListener("click", () => act(async () => {
      find("input", made).select();
      await navigator.clipboard.writeText(find("input", made).value);
      says.textContent = "Copied.";
    }));
  });
}
