/// What fills the page, searches and filters.
///
/// It writes text only: what stands in a log is never markup.
enum AuditPageScript {
    static let text = AuditPageParts.tools + AuditPageParts.summary + AuditPageParts.records
}

/// The script in three parts, which are one.
enum AuditPageParts {
    static let tools = #"""
        "use strict";
        const report = JSON.parse(document.getElementById("data").textContent);
        const byId = (id) => document.getElementById(id);
        const visible = (text) => String(text).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu,
          (mark) => "\\u{" + mark.codePointAt(0).toString(16).toUpperCase() + "}");
        function make(tag, kind, ...children) {
          const node = document.createElement(tag);
          if (kind) node.className = kind;
          node.append(...children.filter((child) => child !== null && child !== undefined));
          return node;
        }
        function draw(tag, attributes, ...children) {
          const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
          for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
          node.append(...children);
          return node;
        }
        const number = (value) => value.toLocaleString("en");
        const count = (value, one, many) => number(value) + " " + (value === 1 ? one : many ?? one + "s");
        const when = (time) => time ? time.slice(0, 10) + " " + time.slice(11, 19) : "";
        const day = (time) => time ? time.slice(0, 10) : "";
        function size(bytes) {
          const units = ["B", "kB", "MB", "GB", "TB", "PB"];
          let unit = 0;
          while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1000; unit += 1; }
          return (unit && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)) + " " + units[unit];
        }
        // Names: isolated, so that one written from right to left does not turn its neighbours around.
        function name(text, words = [], kind = "") {
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
        const chip = (text, kind = "") => make("span", "chip " + kind, visible(text));
        function cell(kind, head, ...children) {
          const node = make("td", kind, ...children);
          if (head) node.dataset.h = head;
          return node;
        }
        function table(head, rows) {
          return make("table", "", make("thead", "", make("tr", "", ...head.map(([word, kind]) => make("th", kind ?? "", word)))), make("tbody", "", ...rows));
        }
        // A long list shows its first part, and the rest when somebody asks, or prints.
        function fill(id, list, head, row, empty, first = 12) {
          const place = byId(id);
          if (!list.rows.length) { place.append(make("p", "", empty)); return; }
          const built = table(head, list.rows.slice(0, first).map(row));
          place.append(built);
          const note = make("p", "small");
          const all = () => { built.tBodies[0].append(...list.rows.slice(first).map(row)); note.replaceChildren(...cut()); };
          const cut = () => list.total > list.rows.length ? ["The " + number(list.rows.length) + " most frequent or newest of " + number(list.total) + " are listed."] : [];
          if (list.rows.length > first) {
            const more = make("button", "link", "show all " + number(list.rows.length));
            more.type = "button";
            let done = false;
            const once = () => { if (!done) { done = true; all(); } };
            more.addEventListener("click", once);
            addEventListener("beforeprint", once);
            note.append(more);
          } else note.append(...cut());
          if (note.childNodes.length) place.append(note);
        }
        const link = (text, filters) => {
          const button = make("button", "link", text);
          button.type = "button";
          button.addEventListener("click", () => show(filters));
          return button;
        };
        const actionWords = {"policy.apply": "access policy applied", "policy.undo": "access policy taken back", "policy.review": "access reviewed", "backup.init": "backups set up",
          "backup.run": "backup made", "backup.verify": "backup checked", "backup.restore": "backup restored", "backup.read": "rows read from a backup", "backup.prune": "old backups given up",
          "backup.copy": "backup copied", "backup.rekey": "backup opened to other keys", "backup.hold": "backup held", "backup.release": "backup released",
          "keys.init": "keys for fields made", "keys.rotate": "key for fields replaced", "keys.rewrap": "keys for fields wrapped anew", "keys.export": "copy of the keys handed out",
          "keys.destroy": "key for fields destroyed", "field.encrypt": "values encrypted", "field.decrypt": "values decrypted", "field.purge": "plaintext remains cleared",
          "field.mask": "masked copy made", "column.start": "column made ready for encryption", "column.backfill": "column encrypted", "column.gate": "application judged for a column",
          "column.finish": "column's encryption finished", "column.rotate": "column encrypted with a new key", "column.reindex": "column indexed anew", "column.revert": "column decrypted for good",
          "column.verify": "encrypted column checked", "subject.create": "person's key made", "subject.rewrap": "persons' keys wrapped anew", "subject.erase": "person's data erased",
          "subject.export": "person's data handed out", "auth.install": "login store installed", "auth.user.create": "account made", "auth.user.import": "accounts taken over",
          "auth.user.enable": "account enabled", "auth.user.disable": "account disabled", "auth.user.remove": "account removed", "auth.unlock": "failed logins forgotten",
          "auth.revoke": "sessions ended", "auth.reset": "password reset begun", "auth.totp.remove": "second factor removed", "auth.apikey.create": "API key made",
          "auth.apikey.rotate": "API key replaced", "auth.apikey.revoke": "API key ended", "auth.purge": "old logins removed", "auth.event": "login event", "auth.login": "login",
          "auth.logout": "logout", "auth.lockout": "lockout", "auth.password.change": "password changed", "auth.password.reset": "password reset", "log.created": "log begun",
          "log.recovered": "log completed after a crash", "log.torn": "torn record set aside", "log.segment": "log goes on in a new file", "log.reserve": "disk was full",
          "log.key": "log's key replaced", "log.prune": "old records given up", "log.redact": "personal data erased", "log.heartbeat": "sign of life", "log.anchor": "checkpoint kept elsewhere",
          "log.break_glass": "done past the log", "log.acknowledge": "finding explained", "log.verify": "log verified", "log.read": "log read", "log.report": "report made",
          "log.ingest": "server's log taken over", "pg.login": "login to PostgreSQL", "pg.logout": "logout from PostgreSQL", "pg.statement": "statement", "pg.failure": "error in PostgreSQL",
          "pg.finding": "finding"};
        const say = (code) => actionWords[code] ?? visible(code);
        function act(code, kind = "", rest = "") {
          const node = make("span", "chip " + kind, say(code) + rest);
          node.title = visible(code);
          return node;
        }
        const kinds = [["failure", 1, "failures"], ["privileged", 2, "privileged changes"], ["backup", 4, "backups and proofs"], ["login", 8, "logins"],
          ["decryption", 16, "decryptions"], ["finding", 32, "findings"], ["statement", 64, "statements"], ["log", 128, "the log itself"]];

        """#

    static let summary = #"""
        const {totals, verdict} = report;
        function fillHead() {
          document.title = "Audit report of " + visible(report.log.origin);
          byId("origin").textContent = visible(report.log.origin);
          const {since, until, first, last} = report.period;
          const period = since || until ? (since ? "from " + when(since) : "from the beginning") + (until ? " to " + when(until) : " on") : "everything";
          byId("facts").textContent = period + (first ? " · acts from " + when(first) + " to " + when(last) + " UTC" : "") + " · made at " + when(report.madeAt)
            + " by " + visible(report.madeBy) + " on " + visible(report.host) + (report.asked ? " · only " + visible(report.asked) : "");
        }
        const levels = {
          L0: "The records and their tree agree with each other. Nobody's signature was checked, so this only excludes damage.",
          L1: verdict.keyPinned ? "It is signed by the key that whoever made this report holds apart from the log: without that key nobody could have changed it."
            : "It is signed by the key in its own folder. Whoever could write there could have replaced both: compare the key below with one that you hold.",
          L2: "It still begins with what a checkpoint says that was kept elsewhere: up to there not even this host's administrators can have changed it.",
          L3: "It still begins with what a recent checkpoint says that was kept elsewhere: up to there not even this host's administrators can have changed it."};
        function fillVerdict() {
          const fair = verdict.intact && (!verdict.complete || verdict.level === "L0" || (verdict.level === "L1" && !verdict.keyPinned));
          const mark = draw("svg", {viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true"},
            draw("path", {d: "M12 3l7.5 3v5.5c0 4.6-3.1 8-7.5 9.5-4.4-1.5-7.5-4.9-7.5-9.5V6z"}),
            draw("path", {d: verdict.intact ? "M8.5 12l2.5 2.5 4.5-5" : "M12 8v5M12 16.2v.1"}));
          const text = make("p", "", verdict.intact
            ? count(report.log.records, "record") + " checked, " + visible(verdict.level) + ". " + (levels[verdict.level] ?? "")
            : "It is not what was signed. Nothing in this report can be relied on until somebody has found out why.");
          const list = make("ul");
          for (const finding of verdict.findings) list.append(make("li", "", (finding.record === undefined ? "" : "record " + finding.record + ": "), name(finding.what)));
          if (verdict.protectedRecords !== undefined) list.append(make("li", "", "Protected from everybody: the first " + count(verdict.protectedRecords, "record") + (verdict.protectedUntil ? ", until " + when(verdict.protectedUntil) : "") + "."));
          if (verdict.openActCount) {
            const line = make("li", "", count(verdict.openActCount, "act") + " began and " + (verdict.openActCount === 1 ? "has" : "have") + " no end: ");
            verdict.openActs.forEach((act, index) => line.append(index ? ", " : "", name(act.action), " (record " + act.record + ")"));
            line.append(verdict.openActs.length < verdict.openActCount ? ", …" : "", " — a crash, a power cut, or an act that still runs.");
            list.append(line);
          } else if (verdict.intact) list.append(make("li", "", "Every act that began has an end."));
          for (const gap of verdict.gaps) list.append(make("li", "", "Seems to be missing: ", name(gap)));
          for (const note of verdict.notes) list.append(make("li", "", name(note)));
          byId("verdict-body").append(make("div", "banner " + (verdict.intact ? fair ? "fair" : "" : "bad"), mark,
            make("b", "", verdict.intact ? "The log is intact" : "The log is BROKEN"), make("div", "", text, list)));
        }
        function fillCards() {
          const cards = [[totals.acts, "act", "acts", {}], [totals.actors, "person or role", "people and roles", null], [totals.failures, "failure", "failures", {kind: "failure"}, true],
            [totals.privileged, "privileged change", "privileged changes", {kind: "privileged"}], [totals.backups, "backup made", "backups made", {kind: "backup"}],
            [totals.proved, "backup proved by restoring", "backups proved by restoring", null], [totals.logins, "login", "logins", {kind: "login"}],
            [totals.refused, "login refused", "logins refused", {kind: "login", outcome: "failure"}, true], [totals.lockouts, "lockout", "lockouts", {action: "auth.lockout"}, true],
            [totals.decryptions, "decryption", "decryptions", {kind: "decryption"}], [totals.findings, "finding", "findings", {kind: "finding"}, true]];
          for (const [value, one, many, filters, alarms] of cards) {
            if (!value && ![0, 2, 3].includes(cards.findIndex((card) => card[1] === one))) continue;
            const card = make(filters ? "button" : "div", "card" + (alarms && value ? " alarm" : ""), make("b", "", number(value)), make("span", "", value === 1 ? one : many));
            if (filters) { card.type = "button"; card.addEventListener("click", () => show(filters)); }
            byId("cards").append(card);
          }
        }
        const findingWords = {"superuser-session": ["session of a superuser, who could switch the server's own log off", "sessions of superusers, who could switch the server's own log off"],
          "setting-changed": ["change to a setting of logging or auditing", "changes to settings of logging or auditing"],
          "lines-missing": ["gap in a session's numbered lines: something is missing in the server's log", "gaps in sessions' numbered lines: something is missing in the server's log"],
          "lines-unreadable": ["time lines of the server's log could not be read", "times lines of the server's log could not be read"],
          "file-changed": ["log file that was changed or cut after it was read", "log files that were changed or cut after they were read"]};
        function fillConcerns() {
          const list = byId("concerns"), add = (kind, ...parts) => list.append(make("li", kind, ...parts));
          if (!verdict.intact) add("bad", "The log is not intact: see above.");
          const failed = report.backups.rows.filter((row) => row.outcome === "failure").length, unproved = report.backups.rows.filter((row) => row.outcome === "success" && !proved(row)).length;
          if (failed) add("bad", count(failed, "backup") + " failed. ", link("show", {kind: "backup", outcome: "failure"}));
          if (unproved) add("", count(unproved, "backup has", "backups have") + " no good proof by restoring in this period.");
          const wrong = report.backups.rows.filter((row) => row.proofs.some((proof) => !proof.good)).length;
          if (wrong) add("bad", count(wrong, "backup has", "backups have") + " a proof that did not hold.");
          for (const row of report.findings.rows) add(row.finding === "superuser-session" ? "" : "bad", count(row.count, ...(findingWords[row.finding] ?? [visible(row.finding)])) + ". ", link("show", {kind: "finding", q: row.finding}));
          if (totals.lockouts) add("", count(totals.lockouts, "lockout") + " after wrong passwords.");
          for (const row of report.failures.rows.slice(0, 3)) add("", number(row.count) + " × " + say(row.failure) + ": ", name(row.reason || "failed"), " ", link("show", {action: row.failure, outcome: "failure"}));
          if (totals.unreadable) add("bad", count(totals.unreadable, "line") + " of the log could not be read.");
          if (!list.childNodes.length) add("good", totals.acts ? "Nothing failed and nothing stands out." : "Nothing happened in this period.");
        }
        const proved = (row) => { const proofs = row.proofs.filter((proof) => proof.level === "restore"); return proofs.length > 0 && proofs.at(-1).good; };
        const at = (seconds) => new Date(seconds * 1000).toISOString();
        function fillChart() {
          const {timeline} = report;
          if (!timeline) { byId("time").hidden = true; return; }
          const {counts, failures, categories} = timeline, columns = failures.length, start = Date.parse(timeline.start) / 1000;
          const sums = failures.map((_, column) => counts.reduce((sum, row) => sum + row[column], 0)), top = Math.max(1, ...sums), failTop = Math.max(1, ...failures);
          categories.forEach((word, index) => { if (counts[index].some(Boolean)) byId("legend").append(make("span", "", draw("svg", {viewBox: "0 0 10 10"}, draw("rect", {width: 10, height: 10, rx: 2, class: "k" + index})), word)); });
          const failing = failures.some(Boolean);
          if (failing) byId("legend").append(make("span", "", draw("svg", {viewBox: "0 0 10 10"}, draw("rect", {width: 10, height: 10, rx: 2, class: "kf"})), "failures, below the line"));
          const left = 46, width = 960, plot = 190, low = failing ? 54 : 0, step = (width - left) / columns, bar = Math.max(1, Math.min(48, step * .78));
          const svg = draw("svg", {viewBox: "0 0 " + width + " " + (plot + low + 34), role: "img", "aria-label": "Acts over time"});
          for (const part of [1, .5]) svg.append(draw("line", {x1: left, x2: width, y1: 10 + plot * (1 - part), y2: 10 + plot * (1 - part), class: "grid"}),
            top * part >= 1 ? draw("text", {x: left - 8, y: 14 + plot * (1 - part), "text-anchor": "end"}, number(Math.round(top * part))) : "");
          for (let column = 0; column < columns; column += 1) {
            const x = left + column * step + (step - bar) / 2, from = at(start + column * timeline.seconds), to = at(start + (column + 1) * timeline.seconds);
            const group = draw("g", {class: "col", tabindex: "0"}, draw("rect", {x: left + column * step, y: 10, width: step, height: plot + low, class: "hit"}));
            let y = 10 + plot;
            counts.forEach((row, index) => {
              if (!row[column]) return;
              const height = Math.max(.8, row[column] / top * plot);
              y -= height;
              group.append(draw("rect", {x, y, width: bar, height, class: "k" + index}));
            });
            if (failures[column]) group.append(draw("rect", {x, y: 13 + plot, width: bar, height: Math.max(1.5, failures[column] / failTop * (low - 8)), class: "kf"}));
            group.append(draw("title", {}, when(from) + " UTC: " + count(sums[column], "act") + categories.map((word, index) => counts[index][column] ? "\n" + word + ": " + number(counts[index][column]) : "").join("")
              + (failures[column] ? "\nfailures: " + number(failures[column]) : "")));
            if (sums[column]) {
              const open = () => show({from: when(from), to: when(to)});
              group.addEventListener("click", open);
              group.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
            }
            svg.append(group);
          }
          svg.append(draw("line", {x1: left, x2: width, y1: 10.5 + plot, y2: 10.5 + plot, class: "grid"}));
          const labels = Math.min(columns, 8), short = timeline.seconds < 86400;
          for (let index = 0; index < labels; index += 1) {
            const column = Math.floor(index * columns / labels), time = at(start + column * timeline.seconds);
            svg.append(draw("text", {x: left + column * step, y: plot + low + 28}, short ? time.slice(5, 16).replace("T", " ") : time.slice(0, 10)));
          }
          byId("chart").append(svg);
          const lengths = [[86400 * 7, "week"], [86400, "day"], [3600, "hour"], [60, "minute"]], unit = lengths.find(([seconds]) => timeline.seconds % seconds === 0) ?? [60, "minute"];
          byId("chart-note").textContent = "Each column is " + count(timeline.seconds / unit[0], unit[1]) + ", in UTC. Choose one to see its acts.";
        }
        function share(acts, failures, most) {
          const svg = draw("svg", {class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true"}), whole = Math.max(1, acts / most * 100), part = acts ? failures / acts * whole : 0;
          svg.append(draw("rect", {width: whole - part, height: 4, class: "k1"}), draw("rect", {x: whole - part, width: part, height: 4, class: "kf"}));
          return svg;
        }
        function fillTables() {
          const most = Math.max(1, ...report.actors.rows.map((row) => row.acts));
          fill("who-list", report.actors, [["Who"], ["Acts", "num"], ["Failures", "num"], ["What"], ["First and last"]], (row) => make("tr", "",
            cell("name", "", link(name(row.actor), {actor: visible(row.actor)}), share(row.acts, row.failures, most)), cell("num", "acts", number(row.acts)), cell("num", "failures", row.failures ? chip(number(row.failures), "strong") : "0"),
            cell("", "", ...row.actions.slice(0, 8).map(([action, acts, failures]) => act(action, failures === acts ? "strong" : action.startsWith("policy") || action.startsWith("keys") ? "write" : "", " " + number(acts))), row.actions.length > 8 ? "and more" : null),
            cell("time", "", day(row.first) === day(row.last) ? when(row.first) : day(row.first) + " to " + day(row.last))), "Nobody did anything.");
          fill("failures-list", report.failures, [["What"], ["Times", "num"], ["Why"], ["Last"]], (row) => make("tr", "", cell("name", "", link(say(row.failure), {action: row.failure, outcome: "failure"})),
            cell("num", "times", number(row.count)), cell("", "", name(row.reason || "no reason given")), cell("time", "last", when(row.last))), "Nothing failed.");
          byId("findings").hidden = !report.findings.rows.length;
          fill("findings-list", report.findings, [["Finding"], ["Times", "num"], ["Means"], ["Last"]], (row) => make("tr", "", cell("name", "", link(name(row.finding), {kind: "finding", q: row.finding})),
            cell("num", "times", number(row.count)), cell("", "", findingWords[row.finding]?.[1] ?? ""), cell("time", "last", when(row.last))), "");
          fill("backups-list", report.backups, [["Backup"], ["Made"], ["Size", "num"], ["Proofs"]], (row) => make("tr", "",
            cell("name", "", name((row.cluster ? row.cluster + " " : "") + row.backup), row.outcome === "failure" ? make("div", "", chip("failed", "strong")) : null),
            cell("time", "made", row.at ? when(row.at) + " by " : "before this period", row.at ? name(row.actor) : null), cell("num", "size", row.bytes === undefined ? "" : size(row.bytes)),
            cell("", "", ...(row.proofs.length ? row.proofs.slice(-5).map((proof) => { const node = chip((proof.level || "proof") + ": " + (proof.verdict || (proof.good ? "good" : "failed")), proof.good ? "good" : "strong"); node.title = when(proof.at) + " by " + visible(proof.actor); return node; }) : [chip("not proved", "write")]))),
            "No backup was made or proved in this period.");
          byId("decryptions").hidden = !report.decryptions.rows.length;
          fill("decryptions-list", report.decryptions, [["Who"], ["What was done"], ["Of what"], ["Times", "num"], ["Values", "num"], ["Last"]], (row) => make("tr", "", cell("name", "", link(name(row.who), {kind: "decryption", actor: visible(row.who)})),
            cell("", "", act(row.action)), cell("", "", name(row.what)), cell("num", "times", number(row.acts), row.failures ? make("div", "", chip(number(row.failures) + " failed", "strong")) : null), cell("num", "values", number(row.values)), cell("time", "last", when(row.last))), "");
          byId("logins").hidden = !report.logins.rows.length;
          fill("logins-list", report.logins, [["Who"], ["Let in", "num"], ["Refused", "num"], ["Locked out", "num"], ["Last"]], (row) => make("tr", "", cell("name", "", name(row.who)), cell("num", "let in", number(row.admitted)),
            cell("num", "refused", row.refused ? chip(number(row.refused), "strong") : "0"), cell("num", "locked out", row.lockouts ? chip(number(row.lockouts), "strong") : "0"), cell("time", "last", when(row.last))), "");
        }

        """#

    static let records = #"""
        const rows = report.records.rows.map(([record, time, action, outcome, ...rest]) => {
          const [actor, target, details] = rest.map(visible), bits = rest[3];
          return {record, time, action: visible(action), outcome, actor, target, details, bits,
            text: [record, time, visible(action), actionWords[action] ?? "", outcome, actor, target, details].join(" ").toLowerCase()};
        }).reverse();
        const fields = ["q", "kind", "actor", "action", "outcome", "from", "to"];
        const state = Object.fromEntries(fields.map((field) => [field, ""]));
        let limit = 100;
        function readHash() {
          const given = new URLSearchParams(location.hash.slice(1));
          for (const field of fields) { state[field] = given.get(field) ?? ""; byId(field).value = state[field]; }
        }
        function writeHash() {
          const wanted = new URLSearchParams();
          for (const field of fields) if (state[field]) wanted.set(field, state[field]);
          history.replaceState(null, "", "#" + wanted);
        }
        function show(filters) {
          for (const field of fields) { state[field] = filters[field] ?? ""; byId(field).value = state[field]; }
          limit = 100;
          writeHash();
          render();
          byId("records").scrollIntoView({block: "start"});
        }
        // Times compare as their texts do, once they are written in the same way.
        const bound = (text) => text.trim().replace(" ", "T");
        function matches(row, words) {
          const bits = kinds.find(([kind]) => kind === state.kind)?.[1];
          return (!bits || row.bits & bits) && (!state.outcome || row.outcome === state.outcome) && (!state.action || row.action === state.action || row.action.startsWith(state.action + "."))
            && (!state.actor || row.actor === state.actor || row.actor.startsWith(state.actor + " (")) && (!state.from || row.time >= bound(state.from)) && (!state.to || row.time < bound(state.to))
            && words.every((word) => row.text.includes(word));
        }
        function recordRow(row, words) {
          const failed = row.outcome === "failure";
          return make("tr", "", cell("time", "", when(row.time), make("div", "small", "record " + row.record)), cell("", "", act(row.action, failed ? "strong" : row.bits & 2 ? "write" : ""), failed ? make("div", "small", "failed") : null),
            cell("name", "", name(row.actor, words)), cell("", "", name(row.target, words)), cell("rest", "", name(row.details, words)));
        }
        function render() {
          const words = state.q.toLowerCase().split(/\s+/).filter(Boolean), found = rows.filter((row) => matches(row, words));
          const {total, shown} = report.records, filtered = fields.some((field) => state[field]);
          byId("count").textContent = (filtered ? number(found.length) + " of the " + number(shown) + " acts on this page" : count(shown, "act"))
            + (shown < total ? ". This page holds " + number(shown) + " of " + number(total) + ": the newest, and the newest of each important kind; the tables above count all of them." : ".");
          byId("list").replaceChildren(found.length ? table([["When (UTC)"], ["Action"], ["Who"], ["What was touched"], ["Details"]], found.slice(0, limit).map((row) => recordRow(row, words))) : make("p", "", "No act matches."));
          byId("more").hidden = found.length <= limit;
          byId("more").textContent = "Show " + number(Math.min(500, found.length - limit)) + " more";
        }
        function options(id, all, values) {
          byId(id).replaceChildren(...[["", all], ...values].map(([value, text]) => { const option = make("option", "", visible(text)); option.value = value; return option; }));
        }
        options("kind", "every kind", kinds.filter(([, bits]) => rows.some((row) => row.bits & bits)).map(([kind, , text]) => [kind, text]));
        options("actor", "everybody", [...new Set(rows.map((row) => row.actor.replace(/ \((sudo|role) .*\)$/, "")))].sort().slice(0, 2000).map((actor) => [actor, actor]));
        const codes = [...new Set(rows.map((row) => row.action))];
        options("action", "every action", [...new Set([...codes, ...codes.map((code) => code.split(".")[0])])].sort().map((code) => [code, code.includes(".") ? say(code) : "all of " + code]));
        function fillCheck() {
          const {log} = report, quote = (text) => "'" + String(text).replaceAll("'", "'\\''") + "'";
          const part = (title, text, code) => [make("h3", "", title), make("p", "", text), ...(code ? [make("pre", "", visible(code).replaceAll("\\u{A}", "\n"))] : [])];
          byId("check-body").append(
            ...part("1. The log itself", "With the log and the key that you hold, not the one that lies beside the log:", "dbaudit verify --key " + quote(log.verifierKey || "log.vkey") + " --from yesterday.checkpoint"),
            ...part("2. Without our programs", "The log is a Merkle tree (RFC 6962) whose head is a signed note (C2SP tlog-checkpoint). An evidence folder (dbaudit report --pack) has verify.py in it, which needs nothing but Python:", "python3 verify.py ."),
            ...part("3. The head at the time of this report", "Keep it: a later log that does not begin with these " + number(log.records) + " records has been changed.", log.checkpoint),
            ...part("Root", "SHA-256 over all records:", log.root),
            ...part("Key", "It must be the one that you hold:", log.verifierKey));
        }
        function fillWords() {
          const words = [["act", "something privileged that a program did, counted once, by its end. Where something began and did not end, the verdict above says so."],
            ["failure", "an act that did not succeed, or whose answer was no: a proof that did not hold, a login that was refused, a statement that PostgreSQL refused."],
            ["privileged change", "a change to roles, rights, keys, structure or retention."], ["proof", "a backup that was opened, decoded or, at the level “restore”, restored into a scratch server and compared row by row."],
            ["finding", "something in PostgreSQL's own log that makes it less believable: gaps, changed settings, superusers. A superuser can switch the server's log off without a trace."],
            ["pg.*", "taken from PostgreSQL's log. What PostgreSQL wrote before it was taken over was not yet protected."], ["?", "in statements: a value that was left out, since values are people's data."],
            ["record", "the number of the record in the log. dbaudit show NUMBER prints all of it, dbaudit prove NUMBER proves that it is there."]];
          byId("words").append(...words.flatMap(([word, text]) => [make("dt", "", word), make("dd", "", text)]));
          byId("foot").textContent = "Holds " + number(report.records.shown) + " of " + count(report.records.total, "act") + ", from " + count(totals.records, "record") + ". Made by dbaudit. This page loads nothing from anywhere and sends nothing anywhere.";
        }
        fillHead();
        fillVerdict();
        fillCards();
        fillConcerns();
        fillChart();
        fillTables();
        fillCheck();
        fillWords();
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
        byId("more").addEventListener("click", () => { limit += 500; render(); });
        addEventListener("hashchange", () => { readHash(); render(); });
        addEventListener("beforeprint", () => { limit = Math.max(limit, 1000); render(); });
        """#
}
