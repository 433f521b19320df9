// swift-tools-version: 6.2
import PackageDescription

// The map of the house: every module, and what it may import. Imports point one way,
// tools -> capabilities -> AuditLog -> PostgresClient, Cryptography -> Platform -> System;
// Tests/LayoutTests reads the import lines of every file against this table.

let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Everything but the three edge modules, which alone may touch C and unsafe pointers.
let safe = common + [.strictMemorySafety()]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

func library(_ name: String, apt: String, pkgConfig: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func core(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [],
    settings: [SwiftSetting] = safe
) -> Target {
    .target(
        name: name, dependencies: dependencies + [system], path: "Sources/Core/\(name)",
        resources: resources, swiftSettings: settings)
}

func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + ["Console", "AuditLog", "Platform", arguments, system],
        path: "Sources/Tools/\(name)", swiftSettings: safe)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport", "Platform", system],
        path: "Tests/\(name)", swiftSettings: common)
}

let package = Package(
    name: "dbsec",
    products: [
        .executable(name: "dbsec", targets: ["dbsec"]),
        .executable(name: "dbbackup", targets: ["dbbackup"]),
        .executable(name: "dbaudit", targets: ["dbaudit"]),
        .executable(name: "dbpii", targets: ["dbpii"]),
        .executable(name: "dbauth", targets: ["dbauth"]),
        .library(name: "FieldEncryption", targets: ["FieldEncryption"]),
        .library(name: "Credentials", targets: ["Credentials"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
    ],
    targets: [
        library("CLibPQ", apt: "libpq-dev", pkgConfig: "libpq"),
        library("CSodium", apt: "libsodium-dev", pkgConfig: "libsodium"),
        library("CLibCrypto", apt: "libssl-dev", pkgConfig: "libcrypto"),
        library("CZstd", apt: "libzstd-dev", pkgConfig: "libzstd"),
        library("CLibCrypt", apt: "libcrypt-dev", pkgConfig: "libcrypt"),
        .target(name: "CLinux", path: "Sources/System/CLinux"),

        core("Platform", ["CLinux", "CZstd", subprocess], settings: common),
        core("Cryptography", ["Platform", "CLinux", "CSodium", "CLibCrypto", "CLibCrypt"], settings: common),
        core("PostgresClient", ["Platform", "CLibPQ"], settings: common),
        core("AuditLog", ["Platform", "Cryptography"], resources: [.embedInCode("Verifier")]),
        core(
            "AccessPolicy", ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
            resources: [.embedInCode("SQL")]),
        core(
            "Backups", ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
            resources: [.embedInCode("SQL")]),
        core(
            "FieldEncryption", ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
            resources: [.embedInCode("SQL")]),
        core(
            "Credentials", ["Platform", "Cryptography", "PostgresClient", "AuditLog"],
            resources: [.embedInCode("SQL")]),
        core("Console", ["Platform", "Cryptography", "PostgresClient", "AuditLog", arguments]),

        tool("dbsec", ["AccessPolicy", "PostgresClient"]),
        tool("dbbackup", ["Backups", "PostgresClient", "Cryptography"]),
        tool("dbaudit", ["Backups", "PostgresClient", "Cryptography"]),
        tool("dbpii", ["FieldEncryption", "Backups", "PostgresClient", "Cryptography"]),
        tool("dbauth", ["Credentials", "PostgresClient", "Cryptography"]),

        .testTarget(
            name: "TestSupport", dependencies: ["Platform", "PostgresClient", subprocess, system],
            path: "Tests/TestSupport", swiftSettings: common),
        tests("PlatformTests", []),
        tests("CryptographyTests", ["Cryptography", subprocess]),
        tests("PostgresClientTests", ["PostgresClient"]),
        tests("AuditLogTests", ["AuditLog", "Cryptography", "PostgresClient", "dbaudit", "dbbackup"]),
        tests("AccessPolicyTests", ["AccessPolicy", "PostgresClient", "AuditLog"]),
        tests("BackupsTests", ["Backups", "Cryptography", "PostgresClient", "AuditLog"]),
        tests(
            "FieldEncryptionTests",
            ["FieldEncryption", "Cryptography", "PostgresClient", "AuditLog", "dbpii", subprocess]),
        tests("CredentialsTests", ["Credentials", "Cryptography", "PostgresClient", "AuditLog", "dbauth", subprocess]),
        tests("ConsoleTests", ["Console", "AuditLog"]),
        tests("ProgramTests", ["dbsec", "dbbackup", "dbaudit", "PostgresClient", subprocess]),
        tests("LayoutTests", []),
    ]
)

// Programs of benchmarks, which only their scripts build, so that no tool carries them.
if Context.environment["DBSEC_BENCHMARK"] != nil {
    package.products.append(.executable(name: "BenchmarkFields", targets: ["BenchmarkFields"]))
    package.targets += [
        .executableTarget(
            name: "AuditBenchmark", dependencies: ["AuditLog", "Platform", system], path: "Tests/AuditBenchmark",
            swiftSettings: common),
        .executableTarget(
            name: "LoginBenchmark", dependencies: ["Credentials", "PostgresClient", "Cryptography", "Platform"],
            path: "Tests/LoginBenchmark", swiftSettings: common),
        .executableTarget(
            name: "BenchmarkFields", dependencies: ["FieldEncryption", "Platform"],
            path: "Tests/BenchmarkFields", swiftSettings: safe),
    ]
}
