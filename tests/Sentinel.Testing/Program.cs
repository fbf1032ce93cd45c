using Sentinel.Testing.FakeGce;
using Sentinel.Testing.Vm;

return args switch
{
    ["vm", .. var rest] => await WebVm.RunAsync(rest).ConfigureAwait(false),
    ["fake-gce", .. var rest] => await FakeGceProgram.RunAsync(rest).ConfigureAwait(false),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: Sentinel.Testing vm --address A --name N [--boot SECONDS] [--wait-for FILE] [--refuse-to-die]");
    Console.Error.WriteLine($"       Sentinel.Testing {FakeGceProgram.Usage}");
    return 2;
}
