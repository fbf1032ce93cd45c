using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sentinel.Backends.Commands;

namespace Sentinel.Jump.Routes;

/// <summary>The kernel's routes, by the program <c>ip</c> (ip-route(8)). Knows only those that bear our mark.</summary>
/// <param name="program">Where it is.</param>
/// <param name="time">Measures its patience.</param>
internal sealed class KernelRoutes(string program, TimeProvider time)
{
    private const int MostOutput = 4 << 20;
    private const int NetAdmin = 12;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // Services are often started with a PATH that lacks the system administrator's folders.
    private static readonly string[] Folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <returns>Null if routes cannot be set, and why.</returns>
    public static KernelRoutes? Find(TimeProvider time, out string? why)
    {
        why = null;
        if (!OperatingSystem.IsLinux() || !MayChange(File.ReadLines("/proc/self/status")))
        {
            why = "that needs CAP_NET_ADMIN";
            return null;
        }

        var program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(Folders).Select(folder => Path.Combine(folder, "ip")).FirstOrDefault(File.Exists);
        why = program is null ? "that needs the program ip" : null;
        return program is null ? null : new(program, time);
    }

    /// <summary>Ours, as they are in force.</summary>
    /// <returns>Null if they cannot be known, and why.</returns>
    public async Task<(IReadOnlyList<ContainerRoute>? Routes, string? Why)> ListAsync(CancellationToken cancellationToken)
    {
        var routes = new List<ContainerRoute>();
        foreach (var family in (string[])["-4", "-6"])
        {
            if (family == "-6" && !File.Exists("/proc/net/if_inet6"))
            {
                continue;
            }

            var (why, said) = await RunAsync(["-j", family, "route", "show", "proto", $"{RoutePlan.Protocol}"], cancellationToken).ConfigureAwait(false);
            if (why is not null)
            {
                return (null, why);
            }

            routes.AddRange(Parse(said));
        }

        return (routes, null);
    }

    /// <returns>Null if it is done; else why not.</returns>
    public async Task<string?> ChangeAsync(string verb, ContainerRoute route, CancellationToken cancellationToken) =>
        (await RunAsync(RoutePlan.Words(verb, route), cancellationToken).ConfigureAwait(false)).Why;

    /// <summary>proc_pid_status(5), CapEff.</summary>
    internal static bool MayChange(IEnumerable<string> status) =>
        status.FirstOrDefault(line => line.StartsWith("CapEff:", StringComparison.Ordinal)) is { } line
        && ulong.TryParse(line.AsSpan("CapEff:".Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var bits)
        && (bits & (1UL << NetAdmin)) != 0;

    private static IEnumerable<ContainerRoute> Parse(string json)
    {
        foreach (var line in json.Trim().Length == 0 ? [] : JsonSerializer.Deserialize(json, RouteJson.Default.RouteLineArray) ?? [])
        {
            // One without a gateway, or of another metric, was not made by us.
            if (line.Metric == RoutePlan.Metric && IPAddress.TryParse(line.Gateway, out var via) && line.Destination is { } text
                && IPNetwork.TryParse(text.Contains('/', StringComparison.Ordinal) ? text : $"{text}/{(text.Contains(':', StringComparison.Ordinal) ? 128 : 32)}", out var network))
            {
                yield return new(network, via, default);
            }
        }
    }

    private async Task<(string? Why, string Said)> RunAsync(string[] words, CancellationToken cancellationToken)
    {
        var (why, said) = await Command.HearAsync([program, .. words], Patience, MostOutput, time, cancellationToken).ConfigureAwait(false);
        return why is null ? (null, said) : ($"ip {string.Join(' ', words)} {why}: {said.ReplaceLineEndings(" ").Trim()}", said);
    }
}

/// <summary>As ip prints it.</summary>
internal sealed record RouteLine(
    [property: JsonPropertyName("dst")] string? Destination, [property: JsonPropertyName("gateway")] string? Gateway, [property: JsonPropertyName("metric")] long Metric);

[JsonSerializable(typeof(RouteLine[]))]
internal sealed partial class RouteJson : JsonSerializerContext;
