using Sentinel.Testing.Vm;

return args switch
{
    ["vm", .. var rest] => await WebVm.RunAsync(rest).ConfigureAwait(false),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: Sentinel.Testing vm --address A --name N [--boot SECONDS] [--wait-for FILE] [--refuse-to-die]");
    return 2;
}
