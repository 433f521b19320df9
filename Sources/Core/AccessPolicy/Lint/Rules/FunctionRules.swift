import PostgresClient

/// Functions that run with their owner's rights, or promise what they do not keep.
enum FunctionRules {
    static let all = [
        exposed, searchPath, temporaryFirst, writablePath, leakproof, immutableSession, untrusted, language,
    ]

    private static func definers(_ facts: LintFacts) -> [LintFunction] {
        facts.catalog.functions.values.filter(\.isDefiner).sorted { $0.name < $1.name }
    }

    static let exposed = LintRule(
        "definer-function-exposed", .info, "A SECURITY DEFINER function can be called by low-trust roles",
        source: LintSource.functionSecurity + "; CIS PostgreSQL Benchmark 4.5"
    ) { facts in
        definers(facts).filter { !$0.isTrigger }.compactMap { function in
            let exposures = facts.exposures(of: function)
            guard !exposures.isEmpty, let owner = facts.catalog.roles[function.owner] else { return nil }
            let strength =
                owner.isSuperuser ? ", a superuser" : owner.bypassRls ? ", who bypasses row security" : ""
            let isPublic = exposures.contains { $0.grantee == 0 }
            return LintRule.Hit(
                function.object,
                "runs as \(spelled(owner.name))\(strength); \(facts.described(exposures))"
                    + (isPublic ? ", which is the default of every function" : ""),
                fix: isPublic
                    ? "REVOKE EXECUTE ON \(function.sql) FROM PUBLIC" : "-- nothing, if that is what it is for",
                severity: isPublic && !strength.isEmpty ? .warning : .info)
        }
    }

    static let searchPath = LintRule(
        "definer-search-path", .error, "A SECURITY DEFINER function finds its objects by the caller's search_path",
        source: LintSource.createFunction
    ) { facts in
        definers(facts).filter { $0.setting("search_path") == nil }.map { function in
            LintRule.Hit(
                function.object, "no search_path is set; it runs as \(spelled(facts.name(function.owner)))",
                fix: "ALTER \(function.sql) SET search_path = pg_catalog, pg_temp",
                severity: function.isTrigger || facts.exposures(of: function).isEmpty ? .warning : nil)
        }
    }

    /// An empty path, and pg_catalog alone, leave no name of a user's to be found; everything else must end in pg_temp,
    /// which is otherwise searched first.
    static let temporaryFirst = LintRule(
        "definer-temp-first", .warning, "A SECURITY DEFINER function finds the caller's temporary tables first",
        source: LintSource.createFunction
    ) { facts in
        definers(facts).compactMap { function in
            guard let path = path(of: function), !path.isEmpty, path != ["pg_catalog"], path.last != "pg_temp" else {
                return nil
            }
            return LintRule.Hit(
                function.object, "search_path is \(path.joined(separator: ", ")): pg_temp is searched before it",
                fix:
                    "ALTER \(function.sql) SET search_path = \((path.filter { $0 != "pg_temp" } + ["pg_temp"]).map { name -> SQL in "\(identifier: name)" }.joined())"
            )
        }
    }

    static let writablePath = LintRule(
        "definer-path-writable", .error,
        "A SECURITY DEFINER function searches a schema where low-trust roles can create",
        source: LintSource.createFunction
    ) { facts in
        let schemas = Dictionary(facts.catalog.schemas.values.map { ($0.name, $0) }) { first, _ in first }
        return definers(facts).flatMap { function -> [LintRule.Hit] in
            (path(of: function) ?? []).compactMap { schemas[$0] }.compactMap { schema in
                let exposures = facts.exposures(of: .schema(schema.oid), owner: schema.owner, ["CREATE"])
                guard !exposures.isEmpty else { return nil }
                return LintRule.Hit(
                    function.object, "its search_path has \(spelled(schema.name)); \(facts.described(exposures))",
                    fix: facts.revoke(exposures, on: "SCHEMA \(identifier: schema.name)"))
            }
        }
    }

    private static func path(of function: LintFunction) -> [String]? {
        function.setting("search_path").map { text in
            ExpressionToken.tokens(of: text).filter(\.isName).map(\.text).filter { !$0.isEmpty }
        }
    }

    static let leakproof = LintRule(
        "function-leakproof", .warning, "A function is LEAKPROOF: it sees rows before row security filters them",
        source: "PostgreSQL, 41.5 Rules and Privileges"
    ) { facts in
        facts.catalog.functions.values.filter(\.isLeakproof).map { function in
            LintRule.Hit(
                function.object, "LEAKPROOF is a promise that nobody checks",
                fix: "ALTER \(function.sql) NOT LEAKPROOF")
        }
    }

    private static let sessionNames: Set<String> = [
        "current_setting", "set_config", "inet_client_addr", "pg_backend_pid",
    ]

    static let immutableSession = LintRule(
        "function-immutable-session", .error, "An IMMUTABLE function asks the session: its answer is kept for others",
        source: LintSource.volatility
    ) { facts in
        facts.catalog.functions.values.compactMap { function in
            guard function.volatility == "i", let body = function.body else { return nil }
            let expression = PolicyExpression(body, table: "")
            let calls = expression.calls.filter { sessionNames.contains($0.name) }.map(\.name)
            let words = expression.callerWords.map { expression.tokens[$0].text }.filter { $0 != "user" }
            guard let word = (calls + words).first else { return nil }
            return LintRule.Hit(
                function.object, "its body uses \(word), and a plan may keep what it returned",
                fix: "ALTER \(function.sql) STABLE")
        }
    }

    static let untrusted = LintRule(
        "function-untrusted-language", .info,
        "A function that reaches the operating system can be called by low-trust roles",
        source: "PostgreSQL, CREATE LANGUAGE"
    ) { facts in
        facts.catalog.functions.values.filter { $0.isUntrusted && !$0.isTrigger }.compactMap { function in
            let exposures = facts.exposures(of: function)
            guard !exposures.isEmpty else { return nil }
            let isPublic = exposures.contains { $0.grantee == 0 }
            return LintRule.Hit(
                function.object,
                "its language is not trusted: it runs as the server's operating system account; "
                    + facts.described(exposures) + (isPublic ? ", which is the default of every function" : ""),
                fix: isPublic
                    ? "REVOKE EXECUTE ON \(function.sql) FROM PUBLIC" : "-- nothing, if that is what it is for",
                severity: isPublic ? .warning : nil)
        }
    }

    static let language = LintRule(
        "language-made-trusted", .error, "A language that reaches the operating system is marked as trusted",
        source: "PostgreSQL, CREATE LANGUAGE"
    ) { facts in
        ObjectRules.others(.language, facts).map { language in
            LintRule.Hit(
                LintObject("language", spelled(language.name)),
                "whoever holds USAGE on it, PUBLIC as a rule, runs code as the server's operating system account",
                fix: "UPDATE pg_catalog.pg_language SET lanpltrusted = false WHERE lanname = \(literal: language.name)")
        }
    }
}
