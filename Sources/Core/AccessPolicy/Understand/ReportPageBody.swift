/// What stands in the page before its script fills it.
enum ReportPageBody {
    static let text = #"""
        <header>
          <p class="kicker" id="kicker">Access report</p>
          <h1><bdi id="database"></bdi></h1>
          <p class="facts" id="facts"></p>
        </header>
        <noscript><p class="note">This page shows its contents with a script of its own, which is switched off here.
        The data stands in the page's source as JSON.</p></noscript>
        <main>
        <section aria-labelledby="summary-title">
          <h2 id="summary-title">At a glance</h2>
          <div class="cards" id="cards"></div>
          <div id="concerns"></div>
        </section>
        <section id="review" hidden aria-labelledby="review-title">
          <h2 id="review-title">Review and sign-off</h2>
          <div id="review-body"></div>
        </section>
        <section aria-labelledby="access-title">
          <h2 id="access-title">Who may do what</h2>
          <form class="controls" id="controls" role="search">
            <label class="wide"><span>Search</span>
              <input type="search" id="q" placeholder="a table, a role, a privilege" autocomplete="off" spellcheck="false"></label>
            <label><span>Role</span><select id="role"></select></label>
            <label><span>Schema</span><select id="schema"></select></label>
            <label><span>Privilege</span><select id="privilege"></select></label>
            <label><span>Arranged</span><select id="view">
              <option value="objects">by object</option><option value="roles">by role</option></select></label>
            <button type="reset">Clear</button>
          </form>
          <p class="count"><output id="count"></output></p>
          <div id="list"></div>
          <p><button type="button" id="more" hidden></button></p>
        </section>
        <section aria-labelledby="words-title">
          <h2 id="words-title">How to read this</h2>
          <div id="words"></div>
        </section>
        </main>
        <footer><p>Content SHA-256 <code id="sha256"></code></p></footer>
        """#
}
