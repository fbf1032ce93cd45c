using System.Text.RegularExpressions;
using Sentinel.Recovery.Outages;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>Worlds that tempt a sentinel to what random ones rarely do. Each goes well, and is caught where the sentinel is made wrong.</summary>
public sealed partial class CloudMutationTests
{
    private static readonly CloudWorldShape Copying = new()
    {
        HasData = true,
        Policy = new()
        {
            CanStart = true,
            Recreate = new(),
            HealthyAfter = 1,
            UnhealthyAfter = 2,
            FlapCount = 0,
            Fallbacks = [new Fallback.OtherZone(CloudWorldShape.Beside, FromSnapshot: true), new Fallback.OtherZone("us-central1-c", FromSnapshot: true)],
        },
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_VM_that_was_moved_cannot_be_started_where_it_was(bool leavesItsBootDisk)
    {
        using var world = Serving(Copying);
        world.Forge = call => !leavesItsBootDisk ? null
            : call.Uri.AbsolutePath.EndsWith("/detachDisk", StringComparison.Ordinal) ? world.Answer(AsDone(world, call))
            : call.IsLookAtDisk ? CloudWorld.WithoutUsers(world.Answer(call)) : null;

        Lose(world);
        Assert.Equal(CloudWorldShape.Beside, world.Sentinels[0].Place);
        var person = new CloudWire.Call("somebody", HttpMethod.Post, new($"http://world/compute/v1/projects/test-project/zones/{CloudWorldShape.Home}/instances/{CloudWorldShape.Vm.Name}/start"), null, world.Now);
        world.Project.Trouble.Starving = (_, _, _) => null;
        Check(leavesItsBootDisk ? "a VM never runs twice" : null, () =>
        {
            world.Answer(person);
            world.Pass(TimeSpan.FromMinutes(2));
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_copied_before_is_copied_again(bool takesTheFirstCopy)
    {
        using var world = Serving(Copying);
        var first = new Dictionary<string, string>();
        world.Forge = call => takesTheFirstCopy && call.Body?.Contains("sourceSnapshot", StringComparison.Ordinal) == true
            ? world.Answer(call with { Body = Source().Replace(call.Body, source => first.TryAdd(source.Groups[1].Value, source.Value) ? source.Value : first[source.Groups[1].Value]) })
            : null;

        Lose(world);
        Assert.Equal(CloudWorldShape.Beside, world.Sentinels[0].Place);
        Check(takesTheFirstCopy ? "it goes on with what it wrote last" : null, () => Lose(world));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Requests_are_counted(bool doesNotCount)
    {
        using var world = Serving(Copying with { RequestsPerMinute = 10 }, world => world.Ceiling = doesNotCount ? 600 : world.Ceiling);

        Check(doesNotCount ? "calls stay under the ceiling" : null, () => Lose(world));
    }

    private static CloudWorld Serving(CloudWorldShape shape, Action<CloudWorld>? twist = null)
    {
        var world = new CloudWorld(1, shape, isCalm: true);
        twist?.Invoke(world);
        world.Begin();
        world.UntilServing(TimeSpan.FromMinutes(5));
        return world;
    }

    /// <summary>Preempted, with no capacity left where it is, until it serves again.</summary>
    private static void Lose(CloudWorld world)
    {
        var zone = world.Sentinels[0].Place;
        world.Project.Trouble.Starving = (where, _, _) => where == zone ? OperationFault.NoCapacity(where) : null;
        world.Project.Preempt(zone, CloudWorldShape.Vm.Name);
        world.Pass(TimeSpan.FromMinutes(10));
        world.UntilServing(TimeSpan.FromHours(1));
    }

    private static void Check(string? caught, Action unfold)
    {
        var failure = Record.Exception(unfold);
        if (caught is null)
        {
            Assert.Null(failure);
        }
        else
        {
            Assert.True(failure is WorldViolationException && failure.Message.StartsWith(caught, StringComparison.Ordinal), $"not caught: {failure}");
        }
    }

    /// <summary>What asks for an operation that is over, in place of a request that is not made.</summary>
    private static CloudWire.Call AsDone(CloudWorld world, CloudWire.Call call)
    {
        var done = world.Project.Operations.Last(operation => operation is { EndedAt: not null, Fault: null });
        return call with { Method = HttpMethod.Get, Uri = new($"http://world/compute/v1/projects/test-project/zones/{done.Zone}/operations/{done.Name}") };
    }

    /// <summary>A snapshot that a disk is to be made from; the disk's name is the first group.</summary>
    [GeneratedRegex("\"sourceSnapshot\":\"[^\"]*?/snapshots/([a-z]+)[^\"]*\"")]
    private static partial Regex Source();
}
