/// What stands in the page before its script fills it.
enum AuditPageBody {
    static let text = #"""
        <header>
          <p class="kicker">Audit report</p>
          <h1><bdi id="origin"></bdi></h1>
          <p class="facts" id="facts"></p>
        </header>
        <noscript><p class="note">This page shows its contents with a script of its own, which is switched off here.
        The data stands in the page's source as JSON.</p></noscript>
        <main>
        <section aria-labelledby="verdict-title" id="verdict">
          <h2 id="verdict-title" class="hidden">Can this log be believed?</h2>
          <div id="verdict-body"></div>
        </section>
        <section aria-labelledby="summary-title">
          <h2 id="summary-title">At a glance</h2>
          <div class="cards" id="cards"></div>
          <ul class="concerns" id="concerns"></ul>
        </section>
        <section aria-labelledby="time-title" id="time">
          <h2 id="time-title">When it happened</h2>
          <div class="legend" id="legend"></div>
          <figure class="chart" id="chart"></figure>
          <p class="soft small" id="chart-note"></p>
        </section>
        <section aria-labelledby="who-title" id="who">
          <h2 id="who-title">Who did what</h2>
          <div class="panel" id="who-list"></div>
        </section>
        <section aria-labelledby="failures-title" id="failures">
          <h2 id="failures-title">What failed</h2>
          <div class="panel" id="failures-list"></div>
        </section>
        <section aria-labelledby="findings-title" id="findings">
          <h2 id="findings-title">Findings in PostgreSQL's own log</h2>
          <div class="panel" id="findings-list"></div>
        </section>
        <section aria-labelledby="backups-title" id="backups">
          <h2 id="backups-title">Backups and their proofs</h2>
          <div class="panel" id="backups-list"></div>
        </section>
        <section aria-labelledby="logins-title" id="logins">
          <h2 id="logins-title">Logins and lockouts</h2>
          <div class="panel" id="logins-list"></div>
        </section>
        <section aria-labelledby="decryptions-title" id="decryptions">
          <h2 id="decryptions-title">Who saw what is kept encrypted</h2>
          <div class="panel" id="decryptions-list"></div>
        </section>
        <section aria-labelledby="records-title" id="records">
          <h2 id="records-title">Every act</h2>
          <form class="controls" id="controls" role="search">
            <label class="wide"><span>Search</span>
              <input type="search" id="q" placeholder="a name, a table, a word" autocomplete="off" spellcheck="false"></label>
            <label><span>Kind</span><select id="kind"></select></label>
            <label><span>Who</span><select id="actor"></select></label>
            <label><span>Action</span><select id="action"></select></label>
            <label><span>Outcome</span><select id="outcome"><option value="">any</option>
              <option value="success">success</option><option value="failure">failure</option></select></label>
            <label><span>From</span><input type="text" id="from" placeholder="2026-11-26" size="11" autocomplete="off"></label>
            <label><span>Before</span><input type="text" id="to" placeholder="2026-11-27" size="11" autocomplete="off"></label>
            <button type="reset">Clear</button>
          </form>
          <p class="count"><output id="count"></output></p>
          <div class="panel" id="list"></div>
          <p><button type="button" id="more" hidden></button></p>
        </section>
        <section aria-labelledby="check-title" id="check">
          <h2 id="check-title">Check it yourself</h2>
          <div id="check-body"></div>
        </section>
        <section aria-labelledby="words-title">
          <h2 id="words-title">How to read this</h2>
          <dl id="words"></dl>
        </section>
        </main>
        <footer><p id="foot"></p></footer>
        """#
}
