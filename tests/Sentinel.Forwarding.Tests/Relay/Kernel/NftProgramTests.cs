using System.Runtime.Versioning;
using Sentinel.Forwarding.Relay.Kernel;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay.Kernel;

/// <summary>How a program that misbehaves is told of. The program is a shell script in nft's place.</summary>
[SupportedOSPlatform("linux")]
public sealed class NftProgramTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ker").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [NeedsFact("linux")]
    public async Task The_script_arrives_on_standard_input_and_arguments_as_they_are()
    {
        var nft = Program("echo \"$*\" >&2; cat >&2; exit 1");

        Assert.Equal("-f -\na; $(b)\n\"c\"", await nft.ApplyAsync("a; $(b)\n\"c\"", CancellationToken.None));
        Assert.Equal("-j list counters table inet a b", (await nft.ListCountersAsync("a b", CancellationToken.None)).Error);
    }

    [NeedsFact("linux")]
    public async Task What_it_complains_of_is_told_only_if_it_failed()
    {
        Assert.Null(await Program("echo a warning >&2").ApplyAsync("x", CancellationToken.None));
        Assert.Contains("status 3", await Program("exit 3").ApplyAsync(new('x', 1 << 20), CancellationToken.None), StringComparison.Ordinal);
    }

    [NeedsFact("linux")]
    public async Task One_that_hangs_is_ended()
    {
        var time = new ManualTimeProvider();
        var pid = Path.Combine(_folder, "pid");
        var nft = Program($"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 1000", time);
        var applying = nft.ApplyAsync("x", CancellationToken.None);
        await Eventually.TrueAsync(() => File.Exists(pid));

        time.Advance(TimeSpan.FromSeconds(6));

        Assert.Contains("did not end within 5 s", await applying, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => !Directory.Exists($"/proc/{File.ReadAllText(pid).Trim()}"));
    }

    [NeedsFact("linux")]
    public async Task One_that_is_not_there_is_no_exception() =>
        Assert.Contains("cannot be run", await new NftProgram("/nowhere/nft", TimeProvider.System).ApplyAsync("x", CancellationToken.None), StringComparison.Ordinal);

    private NftProgram Program(string script, TimeProvider? time = null)
    {
        var path = Path.Combine(_folder, Path.GetRandomFileName());
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return new(path, time ?? TimeProvider.System);
    }
}
