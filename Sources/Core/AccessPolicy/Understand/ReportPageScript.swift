/// What fills the page, searches and filters.
///
/// It writes text only: names from a database are never markup.
enum ReportPageScript {
    static let text = #"""
        "use strict";
        const report = JSON.parse(document.getElementById("data").textContent);
        const {roles, groups, timeLimits} = report.access;
        const byId = (id) => document.getElementById(id);
        const logins = new Set(roles.filter((role) => role.login).map((role) => role.name));
        const visible = (text) => String(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu,
          (mark) => "\\u{" + mark.codePointAt(0).toString(16).toUpperCase() + "}");
        function make(tag, kind, ...children) {
          const node = document.createElement(tag);
          if (kind) node.className = kind;
          node.append(...children.filter((child) => child !== null && child !== undefined));
          return node;
        }
        const count = (number, noun) => number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s");
        const strong = new Set(["TRUNCATE", "CREATE", "TRIGGER", "REFERENCES", "MAINTAIN", "ALTER SYSTEM"]);
        const write = new Set(["INSERT", "UPDATE", "DELETE", "SET"]);
        const meanings = {
          SELECT: "read rows, or a sequence's value", INSERT: "add rows", UPDATE: "change rows", DELETE: "remove rows",
          TRUNCATE: "empty the whole table at once, whatever row security says", REFERENCES: "let another table point here",
          TRIGGER: "attach code that runs on every change", MAINTAIN: "vacuum, analyze, reindex, lock", CREATE: "make new objects inside",
          USAGE: "get at what is inside, or use it", CONNECT: "open a session", TEMPORARY: "make temporary tables", EXECUTE: "call it",
          SET: "change the setting", "ALTER SYSTEM": "change the setting of the whole server"};

        // Names: isolated, so that one written from right to left does not turn its neighbours around.
        function name(text, words, kind) {
          const node = make("bdi", kind), shown = visible(text), low = shown.toLowerCase();
          let at = 0;
          if (low.length === shown.length) for (;;) {
            let best = -1, length = 0;
            for (const word of words) {
              const found = low.indexOf(word, at);
              if (found >= 0 && (best < 0 || found < best)) { best = found; length = word.length; }
            }
            if (best < 0) break;
            node.append(shown.slice(at, best), make("mark", "", shown.slice(best, best + length)));
            at = best + length;
          }
          node.append(shown.slice(at));
          return node;
        }
        // The first few, and the rest when somebody asks for it.
        function listed(items, limit, separator = ", ") {
          const node = make("span");
          const join = (parts) => parts.flatMap((part, index) => index ? [separator, part] : [part]);
          node.append(...join(items.slice(0, limit).map((item) => item())));
          if (items.length > limit) {
            const details = make("details", "", make("summary", "",
              limit ? " and " + (items.length - limit).toLocaleString("en") + " more" : "(names)"));
            let filled = false;
            const fill = () => { if (!filled) { filled = true; details.append(" ", ...join(items.slice(limit).map((item) => item()))); } };
            details.addEventListener("toggle", fill);
            details.fill = fill;
            node.append(details);
          }
          return node;
        }
        function chip(word, kind) {
          const node = make("span", "chip " + (kind ?? (strong.has(word) ? "strong" : write.has(word) ? "write" : "")), word);
          if (meanings[word]) node.title = meanings[word];
          return node;
        }

        // Every entry of the report, with the text that a search looks at.
        const entries = groups.flatMap((group) => group.access.map((access) => ({
          group, access,
          text: visible([group.form ?? group.kind, group.owner, ...access.roles, ...access.privileges, ...access.how, access.missing ?? "",
            ...Object.values(access.rows)].join(" ")).toLowerCase()})));
        for (const group of groups) for (const place of group.objects) {
          place.low = place.names.map((item) => visible(item).toLowerCase());
          place.lowIn = visible(place.in).toLowerCase();
        }

        const fields = ["q", "role", "schema", "privilege", "view"];
        const state = {q: "", role: "", schema: "", privilege: "", view: "objects"};
        let limit = 100;
        function readHash() {
          const given = new URLSearchParams(location.hash.slice(1));
          for (const field of fields) {
            state[field] = given.get(field) ?? (field === "view" ? "objects" : "");
            byId(field).value = state[field];
          }
        }
        function writeHash() {
          const wanted = new URLSearchParams();
          for (const field of fields) if (state[field] && !(field === "view" && state.view === "objects")) wanted.set(field, state[field]);
          history.replaceState(null, "", "#" + wanted);
        }

        // The part of an entry that the filters leave, or null.
        function match(entry, words) {
          const {group, access} = entry;
          if (state.role && !access.roles.includes(state.role)) return null;
          if (state.privilege && !access.privileges.includes(state.privilege)) return null;
          let places = group.objects;
          if (state.schema) places = places.filter((place) => schemaOf(group, place).includes(state.schema));
          for (const word of words) {
            if (entry.text.includes(word)) continue;
            places = places.map((place) => {
              if (place.lowIn.includes(word)) return place;
              const kept = place.names.map((_, index) => index).filter((index) => place.low[index].includes(word));
              return {...place, all: place.all && kept.length === place.names.length,
                names: kept.map((index) => place.names[index]), low: kept.map((index) => place.low[index])};
            }).filter((place) => place.names.length);
          }
          if (state.schema && group.kind === "schema")
            places = places.map((place) => ({...place, names: place.names.filter((item) => item === state.schema)}));
          return places.length ? {group, access, places} : null;
        }
        function schemaOf(group, place) {
          if (group.kind === "schema") return place.names;
          if (group.kind !== "column") return [place.in];
          return [schemas.find((schema) => place.in.startsWith(schema + ".")) ?? ""];
        }
        const plural = (kind, number) => number === 1 ? kind : kind.replace(/y$/, "ie") + "s";
        function objects(group, places, words) {
          const total = places.reduce((sum, place) => sum + place.names.length, 0);
          return make("span", "", make("span", "kind", plural(group.form ?? group.kind, total) + " "), listed(places.map((place) => () => {
            const part = make("span"), names = place.names.map((item) => () => name(item, words));
            if (place.in) part.append(name(place.in, words), ": ");
            if (!place.all || names.length === 1) part.append(listed(names, 6));
            else if (names.length <= 6 && places.length <= 3) part.append("all " + names.length + " (", listed(names, 6), ")");
            else part.append("all " + names.length.toLocaleString("en") + " ", listed(names, 0));
            return part;
          }), 8, "; "));
        }
        function rolesOf(access, words) {
          return listed(access.roles.map((role) => () => name(role, words, role === "PUBLIC" || logins.has(role) ? "name" : "name group-role")), 12);
        }
        function line(found, first, words) {
          const {access} = found;
          const rows = make("div", "rows");
          const filters = new Map();
          for (const [word, text] of Object.entries(access.rows)) filters.set(text, [...(filters.get(text) ?? []), word]);
          for (const [text, names] of filters) rows.append(make("div", "", names.join(", ") + ": ", name(text, words)));
          const how = make("td", "how");
          for (const step of access.how) how.append(make("div", "", name(step, words)));
          if (access.missing) how.append(make("div", "", chip("no use: " + access.missing, "strong")));
          const privileges = make("td", "", ...access.privileges.map((word) => chip(word)));
          if (access.setRole) privileges.append(make("div", "rows", "only after SET ROLE ", name(access.setRole, words)));
          if (rows.childNodes.length) privileges.append(rows);
          return make("tr", access.missing ? "vain" : "", make("td", "", first), privileges, how);
        }
        function table(head, rows) {
          return make("table", "", make("thead", "", make("tr", "", ...head.map((word) => make("th", "", word)))), make("tbody", "", ...rows));
        }
        function sections(found, words) {
          if (state.view === "roles") {
            const all = ["PUBLIC", ...roles.map((role) => role.name)];
            const by = new Map(all.map((role) => [role, []]));
            for (const item of found) for (const role of item.access.roles)
              if (!state.role || state.role === role) by.get(role)?.push(item);
            return all.map((role) => [role, by.get(role)]).filter(([role, items]) => items.length || (shownAlone(role, words)))
              .map(([role, items]) => () => roleSection(role, items, words));
          }
          const by = new Map();
          for (const item of found) by.has(item.group) ? by.get(item.group).push(item) : by.set(item.group, [item]);
          return [...by].map(([group, items]) => () => make("article", "group",
            make("div", "head", make("h3", "", objects(group, items[0].places, words)),
              make("p", "meta", "owner ", name(group.owner, words), ...(group.rowSecurity ? [" ",
                chip(group.rowSecurity === "forced" ? "row security, owner too" : "row security", "good")] : []))),
            table(["Who", "May", "How"], items.map((item) => line(item, rolesOf(item.access, words), words)))));
        }
        const shownAlone = (role, words) => role !== "PUBLIC" && !state.privilege && !state.schema && (!state.role || state.role === role)
          && words.every((word) => visible(role).toLowerCase().includes(word));
        function roleSection(role, items, words) {
          const facts = roles.find((item) => item.name === role);
          const marks = facts ? roleChips(facts) : [chip("every role there is and will be", "write")];
          const head = make("div", "head", make("h3", "", name(role, words), " ", ...marks));
          if (facts?.memberOf.length) head.append(make("p", "meta", "member of ", ...facts.memberOf.flatMap((item, index) => [index ? ", " : "",
            name(item.role, words), [item.admin ? "may add members" : "", item.inherit ? "" : "not inherited", item.set ? "" : "no SET ROLE"].filter(Boolean)
              .map((word, place) => (place ? ", " : " (") + word).join("") + (item.admin || !item.inherit || !item.set ? ")" : "")])));
          const body = facts?.superuser ? make("p", "head", "A superuser may do anything, in every database of the server.")
            : items.length ? table(["On", "May", "How"], items.map((item) => line(item, objects(item.group, item.places, words), words)))
            : make("p", "head soft", "Holds nothing here of its own; see PUBLIC.");
          return make("article", "group", head, body);
        }
        function roleChips(facts) {
          return [chip(facts.login ? (facts.connects ? "can log in" : "can log in, not here") : "cannot log in itself", facts.login ? "good" : ""),
            ...(facts.superuser ? [chip("superuser", "strong")] : []), ...(facts.bypassRls ? [chip("bypasses row security", "strong")] : []),
            ...(facts.createrole ? [chip("makes roles", "strong")] : []), ...(facts.createdb ? [chip("makes databases", "write")] : []),
            ...(facts.replication ? [chip("replication", "strong")] : []),
            ...(facts.becomes.length ? [chip("may become superuser " + visible(facts.becomes.join(", ")), "strong")] : []),
            ...(facts.validUntil ? [chip("password until " + facts.validUntil.slice(0, 10), "")] : [])];
        }
        function render() {
          const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
          const found = entries.map((entry) => match(entry, words)).filter(Boolean);
          const parts = sections(found, words);
          byId("count").textContent = found.length === entries.length ? count(entries.length, "entry").replace("entrys", "entries")
            : found.length.toLocaleString("en") + " of " + entries.length.toLocaleString("en") + " entries";
          byId("list").replaceChildren(...parts.slice(0, limit).map((part) => part()));
          byId("more").hidden = parts.length <= limit;
          byId("more").textContent = "Show all " + parts.length.toLocaleString("en");
        }
        function options(id, all, values) {
          byId(id).replaceChildren(...[["", all], ...values.map((value) => [value, visible(value)])].map(([value, text]) => {
            const option = make("option", "", text);
            option.value = value;
            return option;
          }));
        }
        const schemas = [...new Set(groups.flatMap((group) => group.kind === "schema" ? group.objects.flatMap((place) => place.names)
          : group.kind === "column" ? [] : group.objects.map((place) => place.in)))].filter(Boolean).sort();
        options("role", "every role", [...new Set([...roles.map((role) => role.name), "PUBLIC"])]);
        options("schema", "every schema", schemas);
        options("privilege", "every privilege", Object.keys(meanings).filter((word) => groups.some((group) => group.access.some((access) => access.privileges.includes(word)))));

        const names = (list) => list.length ? [": ", listed(list.map((item) => () => name(item, [])), 8)] : [];
        function concerns(summary) {
          const item = (list, one, many, kind) => list.length ? make("li", kind, list.length === 1 ? one : list.length.toLocaleString("en") + " " + many, ...names(list)) : null;
          return make("ul", "concerns",
            item(summary.superusers, "One superuser, who may do anything", "superusers, who may do anything"),
            item(summary.mayBecomeSuperuser, "One role may become a superuser", "roles may become a superuser"),
            item(summary.bypassRls, "One role sees every row, whatever row security says", "roles see every row, whatever row security says"),
            item(summary.createrole, "One role may make and change roles", "roles may make and change roles"),
            item(summary.replication, "One role may copy the whole server by replication", "roles may copy the whole server by replication"),
            item(summary.loginWithoutExpiry, "One role that can log in has no expiry date", "roles that can log in have no expiry date"),
            summary.objectsOpenToPublic ? make("li", "", count(summary.objectsOpenToPublic, "object") + (summary.objectsOpenToPublic === 1 ? " is" : " are") + " open in some way to PUBLIC, which is every role")
              : make("li", "good", "Nothing is open to PUBLIC"));
        }
        function fillReview() {
          const body = byId("review-body");
          byId("review").hidden = false;
          byId("kicker").textContent = "Access review";
          body.append(make("p", "", "Whoever signs has looked at what this page lists, and answers for it. The number below stands for exactly this content: the same access gives the same number."),
            make("p", "", make("code", "", report.sha256)),
            make("ul", "check", ...["Every role that can log in belongs to a person or a program that still needs it.", "Each of them has what its work needs, and no more.",
              "Superusers, and roles that bypass row security or make roles, are known and wanted.", "What is open to PUBLIC may be open to everybody.",
              "What was given for a time has an end."].map((text) => make("li", "", text))));
          if (timeLimits) body.append(make("h3", "", "Given until a day"), timeLimits.length
            ? make("ul", "", ...timeLimits.map((item) => make("li", "", name(item.what, []), " until " + item.until)))
            : make("p", "soft", "The policy gives nothing for a time only."));
          const expiring = roles.filter((role) => role.validUntil);
          if (expiring.length) body.append(make("h3", "", "Passwords that expire"), make("ul", "", ...expiring.map((role) => make("li", "", name(role.name, []), " on " + role.validUntil.slice(0, 10)))));
          if (report.signature) body.append(make("p", "note signed", "Signed off by ", name(report.signature.name, []), " at " + report.signature.at + ", audit record " + report.signature.record + "."));
          body.append(make("div", "sign", ...["Name", "Position", "Date", "Signature"].map((word) => make("div", "", word))));
        }
        function fill() {
          const {summary} = report;
          document.title = (report.review ? "Access review of " : "Access report of ") + visible(report.access.database);
          byId("database").textContent = visible(report.access.database);
          byId("facts").textContent = "PostgreSQL " + report.server + " · as it stood at " + report.takenAt + " · read by " + visible(report.takenBy);
          byId("sha256").textContent = report.sha256;
          byId("cards").append(...[[summary.loginRoles, "can log in", "role", "roles"], [summary.roles - summary.loginRoles, "cannot log in", "role", "roles"],
            [summary.superusers.length, "", "superuser", "superusers"], [summary.tables, "or views", "table", "tables"],
            [summary.tablesWithRowSecurity, "with row security", "table", "tables"], [summary.objects, "in all", "object", "objects"]]
            .map(([number, rest, one, many]) => make("div", "card", make("b", "", number.toLocaleString("en")), make("span", "", (number === 1 ? one : many) + " " + rest))));
          byId("concerns").append(concerns(summary));
          if (report.review) fillReview();
          byId("words").append(make("p", "", "Each line says who may do what, and how they come to it: the memberships on the way, and the grant or the ownership at its end. A role that cannot log in itself lends its rights to its members. Roles in one line have exactly the same access. Superusers may do anything and stand under “by role” only; so do rights of every role, under PUBLIC. Row security narrows which rows a right reaches; a view shows what its owner may see."),
            make("dl", "", ...Object.entries(meanings).flatMap(([word, text]) => [make("dt", "", word), make("dd", "", text)])));
        }
        fill();
        readHash();
        render();
        byId("controls").addEventListener("submit", (event) => event.preventDefault());
        byId("controls").addEventListener("input", () => {
          for (const field of fields) state[field] = byId(field).value;
          limit = 100;
          writeHash();
          render();
        });
        byId("controls").addEventListener("reset", () => setTimeout(() => { history.replaceState(null, "", "#"); limit = 100; readHash(); render(); }));
        byId("more").addEventListener("click", () => { limit = Infinity; render(); });
        addEventListener("hashchange", () => { readHash(); render(); });
        addEventListener("beforeprint", () => {
          limit = Infinity;
          render();
          for (const details of document.querySelectorAll("details")) { details.fill?.(); details.open = true; }
        });
        """#
}
