using Sentinel.Backends;
using Sentinel.Jump.Routes;

namespace Sentinel.Jump.Tests.Routes;

public sealed class RoutePlanTests
{
    [Fact]
    public void A_network_is_reached_through_its_VM_and_one_that_two_have_in_two_hops()
    {
        var plan = RoutePlan.Of(
        [
            Backend("spot-1", "10.130.0.14", "10.0.3.0/24", "10.0.9.0/24"), Backend("spot-2", "10.130.0.15", "10.0.3.0/24"),
            Backend("spot-3", "10.130.0.16", "10.0.9.128/25"), Backend("spot-4", "10.130.0.17", "10.0.4.0/24"), Backend("spot-5", "fd00::5", "fd07::/64"),
        ]);

        Assert.Equal(
            """
            #!/bin/sh
            # On the sentinel's machine, as root: the way to containers behind backends, where they are now.
            # The daemon does this by itself where it has CAP_NET_ADMIN. To undo it:
            #   ip -4 route flush proto 83; ip -6 route flush proto 83
            ip -4 route replace 10.0.4.0/24 via 10.130.0.17 metric 8383 proto 83  # spot-4
            ip -6 route replace fd07::/64 via fd00::5 metric 8383 proto 83  # spot-5
            # 10.0.3.0/24: behind spot-1 and behind spot-2: reached in two hops, through the backend
            # 10.0.3.0/24: behind spot-2 and behind spot-1: reached in two hops, through the backend
            # 10.0.9.0/24: behind spot-1 and behind spot-3: reached in two hops, through the backend
            # 10.0.9.128/25: behind spot-3 and behind spot-1: reached in two hops, through the backend

            """,
            plan.Render());
    }

    [Theory]
    [InlineData(null, "behind spot-1, of which no address is known now")]
    [InlineData("vm.example.test", "behind spot-1, whose address vm.example.test is a name: a route wants an IP address")]
    [InlineData("fd00::5", "behind spot-1, whose address fd00::5 is of the other family")]
    [InlineData("127.77.128.5", "behind spot-1, which is reached through this machine itself: reached in two hops, through the backend")]
    public void Where_no_route_can_lead_it_is_said_why(string? address, string why) =>
        Assert.Equal(why, RoutePlan.Of([Backend("spot-1", address, "10.0.3.0/24")]).Unrouted.Single().Why);

    [Theory]
    [InlineData(BackendState.Serving, true)]
    [InlineData(BackendState.Suspect, true)]
    [InlineData(BackendState.Draining, true)]
    [InlineData(BackendState.Starting, false)]
    [InlineData(BackendState.Held, false)]
    [InlineData(BackendState.Stopping, false)]
    [InlineData(BackendState.Recreating, false)]
    [InlineData(BackendState.Waiting, false)]
    public void A_VM_that_is_away_has_no_route_because_its_address_may_be_another_s(BackendState state, bool isThere) => Assert.Equal(isThere, RouteKeeper.IsThere(state));

    [Theory]
    [InlineData("CapEff:\t0000000000001400", true)]
    [InlineData("CapEff:\t0000000000000400", false)]
    [InlineData("CapEff:\tnonsense", false)]
    public void Whether_routes_may_be_set_is_read_from_the_kernel(string line, bool may) => Assert.Equal(may, KernelRoutes.MayChange(["Name:\tsentinel", line]));

    private static (BackendId Id, IReadOnlyList<string> Networks, string? Address) Backend(string name, string? address, params string[] networks) => (new(name), networks, address);
}
