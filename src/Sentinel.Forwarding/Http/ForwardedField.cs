namespace Sentinel.Forwarding.Http;

/// <summary>The value of Forwarded (RFC 7239 §4): who asked whom by what, as one element that the sentinel alone vouches for.</summary>
internal static class ForwardedField
{
    /// <summary>How many characters it takes at most.</summary>
    /// <param name="host">As the client named it; empty: it did not.</param>
    public static int MostLength(ReadOnlySpan<char> client, ReadOnlySpan<char> scheme, ReadOnlySpan<char> host) =>
        "for=\"[]\";host=\"\";proto=".Length + client.Length + scheme.Length + (2 * host.Length);

    /// <summary>Writes it, for whoever must not make a string of it.</summary>
    /// <param name="client">An address; one of IPv6 without brackets.</param>
    /// <param name="scheme"><c>http</c> or <c>https</c>.</param>
    /// <param name="host">As the client named it; empty: it did not.</param>
    /// <param name="target">As long as <see cref="MostLength"/>.</param>
    public static ReadOnlySpan<char> Write(ReadOnlySpan<char> client, ReadOnlySpan<char> scheme, ReadOnlySpan<char> host, Span<char> target)
    {
        var text = new Text(target);
        var isIPv6 = client.Contains(':');
        text.Add("for=");
        text.Add(isIPv6 ? "\"[" : "");
        text.Add(client);
        text.Add(isIPv6 ? "]\"" : "");
        if (!host.IsEmpty)
        {
            text.Add(";host=");
            text.AddValue(host);
        }

        text.Add(";proto=");
        text.Add(scheme);
        return text.Written;
    }

    /// <inheritdoc cref="Write"/>
    public static string Of(string client, string scheme, string? host) =>
        Write(client, scheme, host, new char[MostLength(client, scheme, host)]).ToString();

    private ref struct Text(Span<char> target)
    {
        private readonly Span<char> _target = target;
        private int _length;

        public readonly ReadOnlySpan<char> Written => _target[.._length];

        public void Add(ReadOnlySpan<char> text)
        {
            text.CopyTo(_target[_length..]);
            _length += text.Length;
        }

        public void AddValue(ReadOnlySpan<char> value)
        {
            // whatever is no token is quoted, such as a host with a port
            if (Fields.IsToken(value))
            {
                Add(value);
                return;
            }

            Add("\"");
            foreach (var c in value)
            {
                Add(c is '"' or '\\' ? "\\" : "");
                _target[_length++] = c;
            }

            Add("\"");
        }
    }
}
