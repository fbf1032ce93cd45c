using System.Diagnostics;
using Sentinel.Forwarding.Listeners;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Listeners;

public sealed class OutOfDescriptorsTests
{
    [NeedsTheory("linux")]
    [InlineData(ListenerProtocol.Tcp)]
    [InlineData(ListenerProtocol.Http)]
    public async Task A_listener_that_found_no_descriptor_left_accepts_once_there_is_one(ListenerProtocol protocol)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(OutOfDescriptors).Assembly.Location, "out-of-descriptors", $"{protocol}"])
        {
            Environment = { ["DOTNET_TieredCompilation"] = "0" }, // its thread comes and goes
            RedirectStandardError = true,
        })!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.True(process.ExitCode == 0, errors);
    }
}
