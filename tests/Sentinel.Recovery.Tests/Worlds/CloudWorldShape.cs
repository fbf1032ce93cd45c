using System.Text.Json.Nodes;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Outages;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>What a world is like: one VM with its disks, and what its sentinels may do about it.</summary>
internal sealed record CloudWorldShape
{
    public const string Home = "us-central1-a";
    public const string Beside = "us-central1-b";

    public static readonly InstanceName Vm = new("gce", Home, "spot-1");

    /// <summary>A disk of data that outlives the VM.</summary>
    public bool HasData { get; init; }

    /// <summary>All its disks are regional.</summary>
    public bool IsRegional { get; init; }

    /// <summary>Its preemption deletes it.</summary>
    public bool IsDeleted { get; init; }

    public int Sentinels { get; init; } = 1;

    /// <summary>What each of them may ask of the API in a minute.</summary>
    public int RequestsPerMinute { get; init; } = 600;

    public OutagePolicy Policy { get; init; } = new() { CanStart = true, Recreate = new(), HealthyAfter = 1, UnhealthyAfter = 2 };

    public static CloudWorldShape Random(Random random)
    {
        var isRegional = random.Next(3) == 0;
        var fallbacks = new Fallback[] { new Fallback.OtherMachine("n2-highmem-8"), new Fallback.OtherZone(Beside, FromSnapshot: !isRegional), new Fallback.OnDemand(TimeSpan.FromHours(1)) };
        return new()
        {
            HasData = random.Next(2) == 0,
            IsRegional = isRegional,
            IsDeleted = random.Next(3) == 0,
            Sentinels = 1 + random.Next(2),
            RequestsPerMinute = random.Next(3) == 0 ? 30 : 600,
            Policy = new()
            {
                CanStart = true,
                Recreate = new(),
                HealthyAfter = 1 + random.Next(2),
                UnhealthyAfter = 2,
                StartAfter = TimeSpan.FromSeconds(random.Next(2) * 5),
                StartTimeout = TimeSpan.FromSeconds(120 + random.Next(120)),
                HungAfter = TimeSpan.FromSeconds(random.Next(2) * 120),
                FlapCount = 0,
                RestartWhenUserStopped = random.Next(4) == 0,
                Fallbacks = [.. fallbacks.Where(_ => random.Next(3) > 0)],
            },
        };
    }

    public void Furnish(FakeProject project)
    {
        JsonArray disks = [];
        if (IsRegional)
        {
            project.AddRegionalDisk("us-central1", "boot");
        }

        disks.Add(IsRegional
            ? new JsonObject { ["boot"] = true, ["autoDelete"] = false, ["deviceName"] = "boot", ["source"] = "regions/us-central1/disks/boot" }
            : new JsonObject { ["boot"] = true, ["autoDelete"] = false, ["deviceName"] = "boot", ["initializeParams"] = new JsonObject { ["sourceImage"] = "projects/debian-cloud/global/images/debian-12" } });
        if (HasData)
        {
            if (IsRegional)
            {
                project.AddRegionalDisk("us-central1", "data");
            }
            else
            {
                project.AddDisk(Home, "data");
            }

            disks.Add(new JsonObject { ["autoDelete"] = false, ["deviceName"] = "data", ["source"] = IsRegional ? "regions/us-central1/disks/data" : $"zones/{Home}/disks/data" });
        }

        var vm = project.AddRunning(Home, Vm.Name, more: new() { ["disks"] = disks });
        if (IsDeleted)
        {
            vm.DeleteWhenPreempted();
        }
    }
}
