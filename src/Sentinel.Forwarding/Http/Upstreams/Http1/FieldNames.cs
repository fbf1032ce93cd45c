using System.Text;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>The names of fields as strings, made once for as long as they are common: backends send the same few again and again. Thread-safe.</summary>
internal static class FieldNames
{
    // Each slot holds the last name that fell on it; of two that share one, each costs a string when it comes.
    private static readonly string?[] Slots = new string?[256];

    /// <param name="name">Letters, digits and what else RFC 9110 §5.6.2 allows: ASCII.</param>
    public static string Of(ReadOnlySpan<byte> name)
    {
        ref var slot = ref Slots[(name.Length * 31 + name[0] * 7 + name[^1] * 13 + name[name.Length / 2]) & (Slots.Length - 1)];
        return slot is { } known && Ascii.Equals(name, known) ? known : slot = Encoding.ASCII.GetString(name);
    }
}
