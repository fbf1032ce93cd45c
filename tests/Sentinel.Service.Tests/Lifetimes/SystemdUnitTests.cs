using Sentinel.Service.Lifetimes;

namespace Sentinel.Service.Tests.Lifetimes;

public sealed class SystemdUnitTests
{
    [Theory]
    [InlineData("0::/system.slice/sentinel.service\n", "sentinel.service")]
    [InlineData("12:cpu:/\n1:name=systemd:/system.slice/system-sentinel.slice/sentinel@a.service\n0::/\n", "sentinel@a.service")]
    [InlineData("0::/user.slice/user-1000.slice/session-2.scope\n", null)]
    [InlineData("", null)]
    public void A_process_knows_its_unit(string groups, string? unit) => Assert.Equal(unit, SystemdUnit.Name(groups));

    [Theory]
    [InlineData("  731 sentinel.service stop running\n", true)]
    [InlineData("  731 other.service stop waiting\n  732 sentinel.service restart running\n", false)]
    [InlineData("", false)]
    public void A_restart_is_no_stop(string jobs, bool isStopped) => Assert.Equal(isStopped, SystemdUnit.IsStopped(jobs, "sentinel.service"));

    [Theory]
    [InlineData("FileDescriptorStoreMax=512\nNFileDescriptorStore=3\n", true)]
    [InlineData("FileDescriptorStoreMax=3\nNFileDescriptorStore=3\n", false)]
    [InlineData("FileDescriptorStoreMax=0\nNFileDescriptorStore=0\n", false)]
    [InlineData("", true)]
    public void A_full_store_takes_nothing_more(string properties, bool hasRoom) => Assert.Equal(hasRoom, SystemdUnit.HasRoom(properties));
}
