/// How the page looks, on a screen by day and by night, and on paper.
enum ReportPageStyle {
    static let text = #"""
        :root {
          --paper: #fbfaf7; --card: #ffffff; --ink: #1d2329; --soft: #5b6570; --line: #e2dfd7; --accent: #1f5f8b;
          --read: #e6eef5; --read-ink: #1c4a6e; --write: #fbeccd; --write-ink: #6f4a00; --strong: #fae0dc; --strong-ink: #8a2113;
          --good: #dff0e3; --good-ink: #1c5a31; --mark: #fff1a8;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #14171b; --card: #1c2127; --ink: #e7e5df; --soft: #a0a8b1; --line: #313840; --accent: #8cc2ea;
            --read: #1e3244; --read-ink: #b4d6f0; --write: #41320f; --write-ink: #f2d48c; --strong: #47211c; --strong-ink: #f7b9ae;
            --good: #1c3a26; --good-ink: #a9dcb8; --mark: #5a4d0c;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 3rem 1.5rem 4rem; max-width: 78rem; background: var(--paper); color: var(--ink);
          font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
          font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
        h1, h2, h3 { line-height: 1.2; font-weight: 650; letter-spacing: -0.012em; }
        h1 { font-size: 2.5rem; margin: 0 0 .4rem; }
        h2 { font-size: 1.35rem; margin: 2.6rem 0 1rem; }
        h3 { font-size: 1.05rem; margin: 0; }
        p { margin: .4rem 0; max-width: 70ch; }
        code, .mono { font: .88em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace; }
        .kicker { text-transform: uppercase; letter-spacing: .12em; font-size: .78rem; font-weight: 650; color: var(--accent); margin: 0 0 .5rem; }
        .facts, .soft, .count, footer { color: var(--soft); }
        .note { background: var(--write); color: var(--write-ink); padding: .8rem 1rem; border-radius: .5rem; }
        .note.signed { background: var(--good); color: var(--good-ink); }
        .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .8rem; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: .9rem 1.1rem; }
        .card b { display: block; font-size: 1.9rem; line-height: 1.15; font-weight: 650; letter-spacing: -0.02em; }
        .card span { color: var(--soft); font-size: .9rem; }
        .concerns { list-style: none; padding: 0; margin: 1.2rem 0 0; display: grid; gap: .5rem; }
        .concerns li { border-left: 3px solid var(--write-ink); padding: .1rem 0 .1rem .9rem; }
        .concerns li.good { border-color: var(--good-ink); }
        .controls { display: flex; flex-wrap: wrap; gap: .8rem; align-items: end; position: sticky; top: 0; z-index: 1;
          background: var(--paper); padding: .8rem 0; border-bottom: 1px solid var(--line); }
        .controls label { display: grid; gap: .2rem; font-size: .82rem; color: var(--soft); min-width: 0; }
        .controls .wide { flex: 1 1 16rem; }
        input, select, button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line);
          border-radius: .5rem; padding: .45rem .7rem; width: 100%; max-width: 100%; }
        .controls select { max-width: 13rem; }
        button { width: auto; cursor: pointer; color: var(--accent); }
        input:focus-visible, select:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
        .group { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; margin: 0 0 1rem; overflow: hidden; }
        .head { padding: .9rem 1.1rem; border-bottom: 1px solid var(--line); }
        .head .kind { color: var(--soft); font-weight: 450; }
        .head .meta { color: var(--soft); font-size: .88rem; margin: .25rem 0 0; max-width: none; }
        table { width: 100%; border-collapse: collapse; font-size: .93rem; }
        th { text-align: left; font-weight: 600; font-size: .78rem; color: var(--soft); padding: .5rem 1.1rem .3rem; }
        td { vertical-align: top; padding: .5rem 1.1rem; border-top: 1px solid var(--line); }
        tr:first-child td { border-top: 0; }
        th:nth-child(1) { width: 26%; } th:nth-child(2) { width: 42%; }
        .chip { display: inline-block; padding: .05rem .5rem; border-radius: 1rem; margin: .1rem .25rem .1rem 0; font-size: .78rem; font-weight: 600;
          background: var(--read); color: var(--read-ink); white-space: nowrap; }
        .chip.write { background: var(--write); color: var(--write-ink); } .chip.strong { background: var(--strong); color: var(--strong-ink); }
        .chip.good { background: var(--good); color: var(--good-ink); }
        .name { font-weight: 550; } .group-role { color: var(--soft); font-weight: 450; }
        .how { color: var(--soft); font-size: .88rem; } .how div { margin: .1rem 0; }
        .rows { margin: .25rem 0 0; font-size: .86rem; } .vain { opacity: .75; }
        mark { background: var(--mark); color: inherit; border-radius: .2rem; }
        details { display: inline; } summary { cursor: pointer; color: var(--accent); display: inline; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0; } dt { font-weight: 600; font-size: .85rem; } dd { margin: 0; color: var(--soft); }
        .sign { display: grid; grid-template-columns: 1fr 1fr; gap: 2.2rem 2rem; margin: 2rem 0 0; } .sign div { border-top: 1px solid var(--ink); padding-top: .3rem; font-size: .85rem; color: var(--soft); }
        .check { list-style: none; padding: 0; } .check li { padding: .3rem 0 .3rem 1.8rem; position: relative; }
        .check li::before { content: ""; position: absolute; left: 0; top: .62rem; width: .9rem; height: .9rem; border: 1.5px solid var(--soft); border-radius: .2rem; }
        footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; font-size: .82rem; }
        @media (max-width: 44rem) { thead { display: none; } td { display: block; border: 0; padding: .25rem 1rem; } tr { display: block; border-top: 1px solid var(--line); padding: .5rem 0; } h1 { font-size: 1.9rem; } .sign { grid-template-columns: 1fr; } dl { grid-template-columns: 1fr; } }
        @media print {
          :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --read: #eee; --read-ink: #000; --write: #e4e4e4; --write-ink: #000; --strong: #d4d4d4; --strong-ink: #000; --mark: #fff; }
          body { padding: 0; max-width: none; font-size: 10pt; } .controls, #more, noscript { display: none; }
          .group { break-inside: auto; } tr, .head, .card, .sign { break-inside: avoid; } h2 { break-after: avoid; } .chip { border: 1px solid #999; }
        }
        @page { margin: 16mm; }
        """#
}
