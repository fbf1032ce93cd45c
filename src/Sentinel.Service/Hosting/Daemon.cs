using Sentinel.Service.Cli;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Hosting;

internal static class Daemon
{
    public static Task<ExitStatus> RunAsync(ConfigurationSource source, SentinelConfiguration configuration) => throw new NotSupportedException($"{source} {configuration}");
}
