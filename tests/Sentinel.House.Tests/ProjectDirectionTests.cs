using System.Xml.Linq;

namespace Sentinel.House.Tests;

/// <summary>Which room may see which: forwarding, recovery, certificates and the jump host never see one another.</summary>
public sealed class ProjectDirectionTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Sentinel.Backends"] = [],
        ["Sentinel.Coordination"] = [],
        ["Sentinel.Forwarding"] = ["Sentinel.Backends"],
        ["Sentinel.Recovery"] = ["Sentinel.Backends", "Sentinel.Coordination"],
        ["Sentinel.Certificates"] = ["Sentinel.Backends", "Sentinel.Coordination"],
        ["Sentinel.Jump"] = ["Sentinel.Backends"],
        ["Sentinel.Service"] =
        [
            "Sentinel.Backends", "Sentinel.Coordination", "Sentinel.Forwarding", "Sentinel.Recovery", "Sentinel.Certificates", "Sentinel.Jump",
        ],
    };

    public static TheoryData<string> Projects => [.. Repository.Files("src", "*.csproj")];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_rooms_it_may_see(string project)
    {
        var name = Path.GetFileNameWithoutExtension(project);
        Assert.True(Allowed.TryGetValue(name, out var allowed), $"{name} is a room that the house does not know: add it to this table and to SENTINEL-DESIGN.md.");

        var seen = XDocument.Parse(Repository.Read(project)).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.Empty(seen.Except(allowed));
    }

    [Fact]
    public void The_shared_nouns_need_no_package()
    {
        var document = XDocument.Parse(Repository.Read("src/Sentinel.Backends/Sentinel.Backends.csproj"));

        Assert.Empty(document.Descendants("PackageReference").Concat(document.Descendants("FrameworkReference")));
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = Repository.Read("Sentinel.sln").Replace('\\', '/');

        Assert.All(
            Repository.Files("src", "*.csproj").Concat(Repository.Files("tests", "*.csproj")),
            project => Assert.Contains(project, solution, StringComparison.Ordinal));
    }
}
