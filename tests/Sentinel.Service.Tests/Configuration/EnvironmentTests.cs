using Sentinel.Recovery;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>Environment variables that are put over the file.</summary>
public sealed class EnvironmentTests(Files files) : IClassFixture<Files>
{
    private const string Text = """
        {
          "backends": { "spot-1": { "address": "10.0.0.1" }, "spot.2": { "address": "10.0.0.2", "health": null } },
          "pools": { "web": { "backends": ["spot-1"] } },
          "listeners": { "ssh": { "bind": ["0.0.0.0:22"], "protocol": "tcp", "pool": "web", "port": 22 } }
        }
        """;

    [Fact]
    public void A_value_is_replaced() => Assert.Equal("10.0.0.9", Backend(("SENTINEL_backends__spot-1__address", "10.0.0.9")).Definition.Address);

    [Fact]
    public void Case_does_not_matter() => Assert.Equal("10.0.0.9", Backend(("SENTINEL_BACKENDS__SPOT-1__ADDRESS", "10.0.0.9")).Definition.Address);

    [Theory]
    [InlineData("SENTINEL_backends__spot_1__weight", 0)]
    [InlineData("SENTINEL_BACKENDS__SPOT_2__WEIGHT", 1)]
    public void An_underscore_stands_for_what_a_shell_does_not_allow(string variable, int index) =>
        Assert.Equal(7, files.Good(Text, (variable, "7")).Backends[index].Definition.Weight);

    [Fact]
    public void Values_are_typed_by_their_keys()
    {
        var listener = files.Good(
            Text,
            ("SENTINEL_listeners__ssh__port", "2222"),
            ("SENTINEL_listeners__ssh__closeOnDown", "False"),
            ("SENTINEL_listeners__ssh__hold", "5s"),
            ("SENTINEL_listeners__ssh__holdRelease", "20/s"),
            ("SENTINEL_listeners__ssh__engine", "managed"),
            ("SENTINEL_listeners__ssh__transparent", "false")).Listeners[0];
        Assert.Equal((2222, false, TimeSpan.FromSeconds(5), 20.0), (listener.Port, listener.CloseOnDown, listener.Hold, listener.HoldRelease));
    }

    [Fact]
    public void Objects_that_are_missing_are_made()
    {
        var configuration = files.Good(
            Text,
            ("SENTINEL_telemetry__logs", "text"),
            ("SENTINEL_backends__spot-1__health__port", "22"),
            ("SENTINEL_backends__spot-1__health__kind", "ssh"),
            ("SENTINEL_backends__spot.2__health__port", "23"),
            ("SENTINEL_backends__new__address", "10.0.0.3"),
            ("SENTINEL_backends__new__recovery__flap__count", "9"));
        Assert.Equal(LogFormat.Text, configuration.Telemetry.Logs);
        Assert.Equal([22, 23, null], configuration.Backends.Select(backend => backend.Health?.Port));
        Assert.Equal(("new", 9), (configuration.Backends[2].Definition.Id.Name, configuration.Backends[2].Policy.FlapCount));
    }

    [Fact]
    public void Items_are_replaced_and_added_by_number()
    {
        var variables = Enumerable.Range(0, 12).Select(i => ($"SENTINEL_listeners__ssh__bind__{i}", $"127.0.0.{i + 1}:22")).Reverse().ToArray();
        Assert.Equal(Enumerable.Range(1, 12).Select(i => $"127.0.0.{i}:22"), files.Good(Text, variables).Listeners[0].Bind.Select(bind => bind.ToString()));
    }

    [Fact]
    public void A_whole_list_can_come_from_the_environment()
    {
        var backend = files.Good(
            Text,
            ("SENTINEL_backends__vm__instance", "process/vm"),
            ("SENTINEL_backends__vm__command__0", "python3"),
            ("SENTINEL_backends__vm__command__1", "8080"),
            ("SENTINEL_backends__vm__environment__http_proxy", "a"),
            ("SENTINEL_backends__vm__environment__HTTP_PROXY", "b")).Backends[2];
        Assert.Equal([files["bin/python3"], "8080"], backend.Process!.Command);
        Assert.Equal(["a", "b"], backend.Process.Environment.OrderByDescending(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value));
    }

    [Fact]
    public void The_clients_variable_and_those_of_others_are_left_alone() =>
        files.Good(Text, ("SENTINEL_ADMIN", "http://10.0.0.1:8888"), ("SENTINELS", "x"), ("sentinel_name", "x"));

    [Fact]
    public void An_override_mends_the_file() =>
        Assert.True(files.Parse(Text.Replace("10.0.0.1", "10.0.0.300", StringComparison.Ordinal), ("SENTINEL_backends__spot-1__address", "10.0.0.9")).IsGood);

    private BackendSettings Backend((string, string) variable) => files.Good(Text, variable).Backends[0];
}
