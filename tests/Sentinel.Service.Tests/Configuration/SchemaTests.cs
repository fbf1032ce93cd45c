using System.Text.Json;
using System.Text.Json.Nodes;
using NJsonSchema;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>The schema that editors use says what the daemon does.</summary>
public sealed class SchemaTests(Files files) : IClassFixture<Files>
{
    private static readonly JsonDocumentOptions Jsonc = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Every key that is documented, by its path; names that a user gives are stars.</summary>
    private const string Documented = """
        name stateDirectory admin.bind admin.tokenFile
        clouds.gce.project clouds.gce.endpoint clouds.gce.credentials clouds.gce.metadataEndpoint clouds.gce.watchInterval
        clouds.gce.requestsPerMinute clouds.process
        backends.*.instance backends.*.address backends.*.command backends.*.workingDirectory backends.*.environment
        backends.*.health.kind backends.*.health.port backends.*.health.path backends.*.health.interval backends.*.health.timeout
        backends.*.health.healthyAfter backends.*.health.unhealthyAfter
        backends.*.priority backends.*.weight backends.*.capacity backends.*.networks backends.*.tunnel.keys backends.*.tunnel.ports backends.*.prices.spot backends.*.prices.onDemand
        backends.*.recovery.startAfter backends.*.recovery.restartWhenUserStopped backends.*.recovery.startTimeout
        backends.*.recovery.backoff.initial backends.*.recovery.backoff.max backends.*.recovery.hungAfter backends.*.recovery.slowAfter
        backends.*.recovery.flap.count backends.*.recovery.flap.within backends.*.recovery.flap.pause
        backends.*.recovery.fallbacks.*.machineType backends.*.recovery.fallbacks.*.zone backends.*.recovery.fallbacks.*.fromSnapshot backends.*.recovery.fallbacks.*.provisioning backends.*.recovery.fallbacks.*.atMost
        backends.*.recovery.recreate.template backends.*.recovery.recreate.dataDisks
        pools.*.backends pools.*.policy pools.*.failbackAfter
        listeners.*.bind listeners.*.protocol listeners.*.pool listeners.*.port
        listeners.*.routes.*.host listeners.*.routes.*.path listeners.*.routes.*.pool listeners.*.routes.*.port
        listeners.*.hold listeners.*.holdLimit listeners.*.holdRelease listeners.*.closeOnDown listeners.*.proxyProtocol
        listeners.*.acceptProxyProtocolFrom listeners.*.connectTimeout listeners.*.idleTimeout listeners.*.maxConnections
        listeners.*.maxConnectionsPerClient listeners.*.requestsPerSecond listeners.*.transparent listeners.*.drain listeners.*.engine
        listeners.*.upstreamTls.verify listeners.*.upstreamTls.serverName listeners.*.upstreamTls.caFile
        listeners.*.outagePage listeners.*.redirectToHttps listeners.*.hsts listeners.*.http2 listeners.*.maxRequestBody
        listeners.*.headerTimeout
        recovery.startAfter recovery.restartWhenUserStopped recovery.startTimeout recovery.backoff.initial recovery.backoff.max
        recovery.hungAfter recovery.slowAfter recovery.flap.count recovery.flap.within recovery.flap.pause
        recovery.fallbacks.*.machineType recovery.fallbacks.*.zone recovery.fallbacks.*.fromSnapshot recovery.fallbacks.*.provisioning recovery.fallbacks.*.atMost
        recovery.recreate.template recovery.recreate.dataDisks
        certificates.acme.directory certificates.acme.email certificates.acme.caFile certificates.acme.eab.keyId certificates.acme.eab.hmacKeyFile
        certificates.acme.profile certificates.acme.keyType certificates.acme.challenge certificates.acme.dnsHook certificates.acme.dnsResolvers certificates.acme.names
        certificates.acme.preferredChain certificates.acme.fallbackDirectories
        certificates.sync.*.backend certificates.sync.*.url certificates.sync.*.directory certificates.sync.*.interval
        certificates.sync.*.hmacSecretFile certificates.sync.*.ed25519KeyFile certificates.sync.*.caFile
        certificates.deliver.*.names certificates.deliver.*.command certificates.deliver.*.backend
        ssh.bind ssh.host ssh.jump.account ssh.jump.addresses ssh.jump.port ssh.jump.listenPort ssh.jump.hold ssh.tunnelAccount ssh.log ssh.pool
        ssh.trustedUserCaFile ssh.login.accounts ssh.login.program ssh.login.agent
        ssh.users.*.keys ssh.users.*.keysFile ssh.users.*.backend ssh.users.*.allow
        ssh.keySync.url ssh.keySync.interval ssh.keySync.hmacSecretFile ssh.keySync.ed25519KeyFile ssh.keySync.caFile
        ssh.provision ssh.provisionTimeout ssh.routes
        coordination
        alerts.webhooks.*.url alerts.webhooks.*.secretFile alerts.webhooks.*.format alerts.webhooks.*.events
        telemetry.logs telemetry.logLevel telemetry.otlpEndpoint
        """;

    public static TheoryData<string> Samples => [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "samples"), "*.json").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private static string[] DocumentedKeys => Documented.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);

    [Fact]
    public void Every_documented_key_is_understood_or_refused_by_name()
    {
        var understood = Paths(Schema(), "").ToHashSet();
        Assert.All(DocumentedKeys.Where(key => !understood.Contains(key)), key => Assert.Contains("is not supported yet", Refusal(key), StringComparison.Ordinal));
    }

    [Fact]
    public void No_key_is_understood_that_is_not_documented() =>
        Assert.Empty(Paths(Schema(), "").Except(DocumentedKeys).Except(["$schema"]));

    [Fact]
    public void Every_object_is_closed_and_every_key_described()
    {
        Assert.All(Objects(Schema()), it => Assert.NotNull(it["additionalProperties"]));
        Assert.All(Objects(Schema()).SelectMany(it => it["properties"]?.AsObject() ?? []), key => Assert.NotNull(key.Value!["description"]));
    }

    [Fact]
    public void The_dialect_is_named_and_comments_are_allowed()
    {
        var schema = Schema();
        Assert.Equal("https://json-schema.org/draft/2020-12/schema", (string?)schema["$schema"]);
        Assert.True((bool?)schema["allowComments"]);
        Assert.True((bool?)schema["allowTrailingCommas"]);
    }

    [Theory]
    [InlineData("recovery.startTimeout", "\"3m\"")]
    [InlineData("recovery.flap.count", "5")]
    [InlineData("listeners.*.holdRelease", "\"200/s\"")]
    [InlineData("listeners.*.http2", "true")]
    [InlineData("listeners.*.engine", "\"auto\"")]
    [InlineData("listeners.*.idleTimeout", "\"0s\"")]
    [InlineData("listeners.*.routes", "[]")]
    [InlineData("pools.*.policy", "\"activeStandby\"")]
    [InlineData("admin.bind", "\"127.0.0.1:8888\"")]
    [InlineData("telemetry.logLevel", "\"information\"")]
    [InlineData("backends.*.recovery.startTimeout", "null")]
    public void Defaults_are_written_as_the_file_would(string path, string expected) =>
        Assert.Equal(expected, path.Split('.').Aggregate((JsonNode)Schema(), Below)["default"]?.ToJsonString() ?? "null");

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task A_sample_is_right_for_the_daemon_and_for_the_schema(string name)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "samples", name));
        files.Good(text);
        Assert.Empty(await ViolationsAsync(text));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "backends": {}, "pools": {}, "listeners": {} }""")]
    [InlineData("""{ "backends": { "a": { "adress": "10.0.0.1" } }, "pools": {}, "listeners": {} }""")]
    [InlineData("""{ "backends": { "a": { "weight": "7" } }, "pools": {}, "listeners": {} }""")]
    [InlineData("""{ "backends": { "a": { "weight": 0 } }, "pools": {}, "listeners": {} }""")]
    [InlineData("""{ "backends": { "a": { "health": { "kind": "ssh" } } }, "pools": {}, "listeners": {} }""")]
    [InlineData("""{ "backends": { "a": { } }, "pools": { "p": { "backends": [] } }, "listeners": {} }""")]
    [InlineData("""{ "backends": { "a": { } }, "pools": { "p": { "backends": ["a"], "policy": "random" } }, "listeners": {} }""")]
    [InlineData("""{ "backends": { "a": { } }, "pools": {}, "listeners": {}, "recovery": { "startAfter": "5" } }""")]
    [InlineData("""{ "backends": { "a": { } }, "pools": {}, "listeners": {}, "recovery": { "startAfter": 5 } }""")]
    [InlineData("""{ "backends": { "a": { } }, "pools": {}, "listeners": {}, "certificates": { "acme": {} } }""")]
    [InlineData("""{ "backends": { "a": { } }, "pools": {}, "listeners": { "l": { "bind": ["0.0.0.0:80"], "protocol": "quic", "pool": "p", "port": 80 } } }""")]
    public async Task What_the_schema_refuses_the_daemon_refuses(string text)
    {
        Assert.NotEmpty(await ViolationsAsync(text));
        Assert.False(files.Parse(text).IsGood);
    }

    private static JsonObject Schema() => JsonNode.Parse(ConfigurationSchema.ToText())!.AsObject();

    private static async Task<IEnumerable<string>> ViolationsAsync(string text)
    {
        var schema = await JsonSchema.FromJsonAsync(ConfigurationSchema.ToText());
        return schema.Validate(JsonNode.Parse(text, documentOptions: Jsonc)!.ToJsonString()).Select(violation => violation.ToString());
    }

    /// <summary>A file that has one key beside what it needs, and what is said of it.</summary>
    private string Refusal(string key)
    {
        var keys = key.Split('.');
        var value = keys.Reverse().Aggregate("1", (inner, name) => $"{{ \"{(name == "*" ? "x" : name)}\": {inner} }}");
        return string.Join('\n', files.Parse(value).Errors.Where(error => error.Path == key.Replace("*", "x", StringComparison.Ordinal)).Select(error => error.Message));
    }

    private static IEnumerable<string> Paths(JsonNode schema, string prefix)
    {
        if (schema["properties"] is JsonObject { Count: > 0 } properties)
        {
            return properties.SelectMany(property => Paths(property.Value!, prefix.Length == 0 ? property.Key : $"{prefix}.{property.Key}"));
        }

        // a map of objects and a list of objects go on with a star
        var item = schema["additionalProperties"] as JsonObject ?? schema["items"] as JsonObject;
        return item?["properties"] is null ? [prefix] : Paths(item, prefix + ".*");
    }

    private static JsonNode Below(JsonNode schema, string key) =>
        key == "*" ? schema["additionalProperties"] ?? schema["items"]! : schema["properties"]![key]!;

    private static IEnumerable<JsonObject> Objects(JsonNode node) => node switch
    {
        JsonObject it => it.Where(property => property.Value is not null).SelectMany(property => Objects(property.Value!)).Concat(it.ContainsKey("properties") && it.ContainsKey("type") ? [it] : []),
        JsonArray list => list.Where(item => item is not null).SelectMany(item => Objects(item!)),
        _ => [],
    };
}
